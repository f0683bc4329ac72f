package unet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// none is the vector of models that take none.
var none torch.Tensor

// open loads a model of testdata.
func open(t *testing.T, weightsFile, configFile string) *Model {
	t.Helper()
	file, settings := fixture.Weights(t, weightsFile, configFile)
	cfg, err := ConfigFromWeights(file, settings)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(weights.NewParams(file, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func tiny(t *testing.T) *Model { return folder("tiny")(t) }

func tinyLinear(t *testing.T) *Model {
	return open(t, filepath.Join(fixture.Dir("tiny-linear"), "unet.safetensors"), filepath.Join(fixture.Dir("tiny-linear"), "config.json"))
}

// folder loads the UNet of a diffusers folder of testdata.
func folder(name string) func(*testing.T) *Model {
	return func(t *testing.T) *Model {
		return open(t, filepath.Join(fixture.Dir(name), "unet/diffusion_pytorch_model.safetensors"), filepath.Join(fixture.Dir(name), "unet/config.json"))
	}
}

// models are the random models: convolutions around attention, levels of different heads; linear layers, two transformer blocks in
// each attention, sine before cosine; Stable Diffusion 2's attention in float32; SDXL's vector, no attention on the finest level, and
// attentions of different depths in one level.
var models = []struct {
	name string
	load func(*testing.T) *Model
}{{"tiny", folder("tiny")}, {"tiny-linear", tinyLinear}, {"tiny-sd2", folder("tiny-sd2")}, {"tiny-sdxl", folder("tiny-sdxl")}}

// vectorOf is the vector that the fixture's numbers were made with.
func vectorOf(f *fixture.Fixture, m *Model) torch.Tensor {
	if m.Config.Vector == 0 {
		return none
	}
	return f.Tensor("unet.vector")
}

func TestForwardEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		t.Run(c.name, func(t *testing.T) {
			f, m := fixture.Open(t, c.name), c.load(t)
			fixture.InScope(t, func() {
				for _, step := range []int{1, 500, 999} {
					out := m.Forward(f.Tensor("unet.x"), float64(step), f.Tensor("unet.context"), vectorOf(f, m), nil)
					f.Near(fmt.Sprintf("unet.out.%d", step), out, 1e-5)
				}
			})
		})
	}
}

func TestSidesThatLevelsDoNotDivide(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny"), tiny(t)
	fixture.InScope(t, func() {
		f.Near("unet.odd.out", m.Forward(f.Tensor("unet.odd"), 250, f.Tensor("unet.context").Narrow(0, 0, 1), none, nil), 1e-5)
	})
}

// gradient gives ∂ Σ(weighting · output)/∂x as the fixture has it.
func gradient(f *fixture.Fixture, m *Model, rec *attention.Recorder) torch.Tensor {
	var grad torch.Tensor
	torch.WithGrad(func() {
		x := f.Tensor("unet.x").SetRequiresGrad(true)
		out := m.Forward(x, 500, f.Tensor("unet.context"), vectorOf(f, m), rec)
		grad = torch.Grad(out.Mul(f.Tensor("unet.weighting")).SumAll(), x)[0]
	})
	return grad
}

func TestGradientEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		for _, checkpoint := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s checkpoint %v", c.name, checkpoint), func(t *testing.T) {
				f, m := fixture.Open(t, c.name), c.load(t)
				m.Checkpoint(checkpoint)
				fixture.InScope(t, func() { f.Near("unet.grad", gradient(f, m, nil), 1e-5) })
			})
		}
	}
}

func TestTapsEqualDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		t.Run(c.name, func(t *testing.T) {
			f, m := fixture.Open(t, c.name), c.load(t)
			var names []string
			fixture.InScope(t, func() {
				x := f.Tensor("unet.x")
				rec := &attention.Recorder{}
				m.Forward(x, 500, f.Tensor("unet.context"), vectorOf(f, m), rec)
				for _, tap := range rec.Taps() {
					names = append(names, tap.Name)
					f.Near("tap."+tap.Name, fixture.Weighted(tap), 1e-5)
					if n := tap.Q.Size(2); n != int64(tap.Height*tap.Width) || tap.Height > int(x.Size(2)) {
						t.Errorf("%s: %d queries on a grid of %d×%d", tap.Name, n, tap.Height, tap.Width)
					}
					if cross := strings.HasSuffix(tap.Name, "attn2"); cross != tap.Has(attention.Text) || cross == tap.Has(attention.Image) {
						t.Errorf("%s has keys %v", tap.Name, tap.Keys)
					}
				}
			})
			if !slices.Equal(names, f.About.Taps) {
				t.Errorf("layers %q\nwant %q", names, f.About.Taps)
			}
		})
	}
}

// A loss on the taps alone has the same gradient with and without checkpointing, and reaches x.
func TestTapsCarryGradient(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny"), tiny(t)
	fixture.InScope(t, func() {
		var grads []torch.Tensor
		for _, checkpoint := range []bool{false, true} {
			m.Checkpoint(checkpoint)
			torch.WithGrad(func() {
				x := f.Tensor("unet.x").SetRequiresGrad(true)
				loss := torch.Zeros([]int64{}, torch.Float32, torch.CPU)
				rec := &attention.Recorder{}
				m.Forward(x, 500, f.Tensor("unet.context"), none, rec)
				for _, tap := range rec.Taps() {
					loss = loss.Add(fixture.Weighted(tap).Square().SumAll())
				}
				grads = append(grads, torch.Grad(loss, x)[0])
			})
		}
		if grads[0].NormAll().Item() == 0 {
			t.Error("the gradient is 0")
		}
		fixture.Near(t, "gradient of taps with checkpoints", grads[1], grads[0], 1e-5)
	})
}

func TestRecordingChangesNothing(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny"), tiny(t)
	fixture.InScope(t, func() {
		x, text := f.Tensor("unet.x"), f.Tensor("unet.context")
		plain, recorded := m.Forward(x, 7, text, none, nil), m.Forward(x, 7, text, none, &attention.Recorder{})
		if !slices.Equal(plain.Float32s(), recorded.Float32s()) {
			t.Error("the output differs when layers are recorded")
		}
	})
}

func TestForwardFreesWhatItMade(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny"), tiny(t)
	fixture.InScope(t, func() {
		x, text := f.Tensor("unet.x"), f.Tensor("unet.context")
		before := torch.LiveHandles()
		m.Forward(x, 7, text, none, nil)
		if made := torch.LiveHandles() - before; made != 1 {
			t.Errorf("%d tensors were left, want the output alone", made)
		}
		rec := &attention.Recorder{}
		m.Forward(x, 7, text, none, rec)
		taps := len(rec.Taps())
		if made := torch.LiveHandles() - before; made != 2+2*taps {
			t.Errorf("%d tensors were left, want two outputs and %d queries and keys", made, 2*taps)
		}
	})
}

func TestCancelledForwardStops(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny"), tiny(t)
	fixture.InScope(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		x, text := f.Tensor("unet.x"), f.Tensor("unet.context")
		before := torch.LiveHandles()
		for _, rec := range []*attention.Recorder{nil, {}} {
			if _, err := m.ForwardContext(ctx, x, 7, text, none, rec); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		}
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d tensors were left", left)
		}
	})
}

func TestShapesThatDoNotFitAreErrors(t *testing.T) {
	torchtest.Require(t)
	m := tiny(t)
	for _, c := range []struct {
		name    string
		x, text []int64
	}{
		{"three channels", []int64{1, 3, 8, 8}, []int64{1, 24, 32}},
		{"narrow conditioning", []int64{1, 4, 8, 8}, []int64{1, 24, 31}},
		{"a batch that differs", []int64{2, 4, 8, 8}, []int64{3, 24, 32}},
	} {
		err := torch.InScope(func() error {
			m.Forward(torch.Zeros(c.x, torch.Float32, torch.CPU), 1, torch.Zeros(c.text, torch.Float32, torch.CPU), none, nil)
			return nil
		})
		var e *torch.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a *torch.Error", c.name, err)
		}
	}
}
