package unet

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// filled is a model of real size with weights of no meaning.
type filled struct{ fixture.Shapes }

func (s filled) Tensor(name string) (torch.Tensor, error) {
	shape := s.Shapes[name]
	value := 1.0
	for _, n := range shape[1:] {
		value /= float64(n)
	}
	return torch.Full(shape, value, torch.Float32, torch.CPU), nil
}

func (s filled) DType(string) (weights.DType, bool) { return weights.F32, true }

// memory reads a line of /proc/self/status: "VmHWM" is the highest memory since the last reset, "VmRSS" the present one.
func memory(t *testing.T, line string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	return regexp.MustCompile(line + `:\s*(.*)`).FindStringSubmatch(string(text))[1]
}

// TestStableDiffusionSize measures a UNet of Stable Diffusion 1.5's size on 512×512 pixels. It takes minutes and 12 GB, so it runs only
// when asked for: ISAC_LARGE=1 go test -v -run StableDiffusionSize ./isac/diffusion/unet
func TestStableDiffusionSize(t *testing.T) {
	if os.Getenv("ISAC_LARGE") == "" {
		t.Skip("set ISAC_LARGE=1 to measure a UNet of real size: it takes minutes and 12 GB")
	}
	torchtest.Require(t)
	src := filled{fixture.ReadShapes(t, "sd15-unet")}
	cfg, err := ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	t.Logf("loaded: %s", memory(t, "VmRSS"))
	measure := func(name string, fn func()) {
		torch.EmptyCache(torch.CPU)
		reset(t)
		start := time.Now()
		fixture.InScope(t, fn)
		t.Logf("%s: %.1f s, at most %s", name, time.Since(start).Seconds(), memory(t, "VmHWM"))
	}
	latent := func(batch int64) torch.Tensor {
		g := torch.NewGenerator(1)
		defer g.Close()
		return g.Randn(batch, 4, 64, 64)
	}
	text := func(batch int64) torch.Tensor { return torch.Ones([]int64{batch, 77, 768}, torch.Float32, torch.CPU) }
	measure("a step with cfg, a batch of 2", func() { m.Forward(latent(2), 500, text(2), none, nil) })
	for _, checkpoint := range []bool{false, true} {
		m.Checkpoint(checkpoint)
		name := "gradient of queries and keys"
		if checkpoint {
			name += " with checkpoints"
		}
		measure(name, func() {
			torch.WithGrad(func() {
				x := latent(1).SetRequiresGrad(true)
				loss := torch.Zeros([]int64{}, torch.Float32, torch.CPU)
				rec := &attention.Recorder{}
				m.Forward(x, 500, text(1), none, rec)
				for _, tap := range rec.Taps() {
					loss = loss.Add(tap.Q.MeanAll()).Add(tap.K.MeanAll())
				}
				if g := torch.Grad(loss, x)[0]; !g.AllFinite() {
					t.Error("the gradient is not finite")
				}
			})
		})
	}
}

// reset sets VmHWM back to the present memory.
func reset(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Logf("the highest memory cannot be reset: %v", err)
	}
}
