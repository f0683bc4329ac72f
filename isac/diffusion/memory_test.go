package diffusion

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// resident is the process's memory in bytes.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here")
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestHundredGuidedRunsKeepMemoryFlat(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Width, r.Height, r.Steps, r.Sampler = 24, 24, 2, "euler_ancestral"
	r.Guidance = guided(r.Positive)
	for range 20 {
		sample(t, p, r)
	}
	handles, memory := torch.LiveHandles(), resident(t)
	for range 100 {
		sample(t, p, r)
	}
	if left := torch.LiveHandles() - handles; left != 0 {
		t.Errorf("%d tensors more after 100 runs", left)
	}
	if grown := resident(t) - memory; grown > 16<<20 {
		t.Errorf("the process grew by %d KiB over 100 runs", grown>>10)
	} else {
		t.Logf("the process grew by %d KiB over 100 runs", grown>>10)
	}
}

// Checkpoints trade memory for time and nothing else.
func TestCheckpointsGiveTheSameGuidance(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = guided(r.Positive)
	want, _ := sample(t, p, r)
	got, _ := sample(t, load(t, fixture.Dir("tiny"), LoadOptions{Checkpoint: true}), r)
	near(t, got, want, 1e-3)
}

// Latents stay in float32 whatever the model computes in.
func TestBFloat16(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	want, _ := sample(t, p, r)
	half := load(t, fixture.Dir("tiny"), LoadOptions{DType: torch.BFloat16})
	r.Positive, r.Negative = encode(t, half, scene), encode(t, half, "")
	got, _ := sample(t, half, r)
	if slices.Equal(got, want) {
		t.Error("bfloat16 gives the very numbers of float32")
	}
	var difference, norm float64
	for i := range want {
		difference += math.Pow(float64(got[i]-want[i]), 2)
		norm += math.Pow(float64(want[i]), 2)
	}
	if part := math.Sqrt(difference / norm); part > 0.1 {
		t.Errorf("bfloat16 differs by %v of the latent's norm, allowed is 0.1", part)
	}
	r.Guidance = guided(r.Positive)
	if _, reports := sample(t, half, r); reports[0][0].Skipped != "" {
		t.Errorf("guidance was skipped: %s", reports[0][0].Skipped)
	}
}

// TestHalfPrecisionGuidesAlike holds that the first guided step of both presets goes the same way in float16, bfloat16 and float32: no
// preset's losses are too large or too small for a type.
func TestHalfPrecisionGuidesAlike(t *testing.T) {
	wide := loadTiny(t)
	direction := func(p *Pipeline, o isac.Options) []float64 {
		positive := encode(t, p, scene)
		g := guided(positive, func(to *isac.Options) { *to = o })
		var out []float64
		fixture.InScope(t, func() {
			generator := torch.NewGenerator(3)
			defer generator.Close()
			s, err := guidance.Open(guidance.Config{Model: p.Conditional(positive), Noise: p.Noise(), Method: g.Method, Target: g.Target})
			if err != nil {
				t.Fatal(err)
			}
			d, report, err := s.Gradient(generator.Randn(1, 4, 8, 8).MulScalar(10), guidance.Step{Index: 1, Count: 4, Sigma: 10})
			if err != nil || report.Skipped != "" {
				t.Fatalf("%s: %v, skipped %q, losses %v", p.DType(), err, report.Skipped, report.Losses)
			}
			out = d.DivScalar(d.NormAll().Item()).Float64s()
		})
		return out
	}
	for _, dtype := range []torch.DType{torch.BFloat16, torch.Float16} {
		t.Run(dtype.String(), func(t *testing.T) {
			if dtype == torch.Float16 && !convolves(dtype) {
				t.Skip("this libtorch has no convolution in float16 on the CPU: it has from 2.1 on")
			}
			p := load(t, fixture.Dir("tiny"), LoadOptions{DType: dtype})
			for name, o := range map[string]isac.Options{"typed": isac.Typed(), "paper": isac.Paper()} {
				want, got := direction(wide, o), direction(p, o)
				cosine := 0.0
				for i := range want {
					cosine += want[i] * got[i]
				}
				if cosine < 0.8 { // one pixel's gradient, at 8 or 11 bits
					t.Errorf("%s: the cosine to float32's gradient is %v", name, cosine)
				}
			}
		})
	}
}

// convolves tells whether the CPU can convolve in a type.
func convolves(dtype torch.DType) bool {
	return torch.InScope(func() error {
		x := torch.Ones([]int64{1, 1, 3, 3}, dtype, torch.CPU)
		torch.Conv2d(x, x, torch.Tensor{}, []int64{1, 1}, []int64{0, 0}, []int64{1, 1}, 1)
		return nil
	}) == nil
}
