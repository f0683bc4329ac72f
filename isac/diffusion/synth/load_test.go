package synth_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/synth"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

const scene = "a photo of two cats and a dog"

// kinds are what each checkpoint has to be taken for.
var kinds = []struct {
	kind, family string
	prediction   sampling.Prediction // "" for flow
}{
	{"sd1", "sd1", sampling.Epsilon}, {"sd2", "sd2", sampling.Epsilon}, {"sd2-v", "sd2", sampling.V},
	{"sdxl", "sdxl", sampling.Epsilon}, {"sd3", "sd3", ""}, {"sd3-medium", "sd3", ""},
}

func write(t testing.TB, path string, o synth.Options) string {
	t.Helper()
	if _, err := synth.Write(path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, path string, o diffusion.LoadOptions) *diffusion.Pipeline {
	t.Helper()
	p, err := diffusion.Load(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// request is a run of few steps on pictures of side pixels, guided by typed ISAC or not.
func request(t testing.TB, p *diffusion.Pipeline, side, steps int, guide bool) (r diffusion.SampleRequest, free func()) {
	t.Helper()
	positive, err := p.EncodePrompt(scene)
	if err != nil {
		t.Fatal(err)
	}
	negative, err := p.EncodePrompt("")
	if err != nil {
		t.Fatal(err)
	}
	r = diffusion.SampleRequest{
		Positive: positive, Negative: negative, Width: side, Height: side, Steps: steps, CFG: 4, Sampler: "euler", Scheduler: "normal", Seed: 3, Denoise: 1,
	}
	if guide {
		target, err := methods.TargetFromPrompt(prompt.Parse(scene), positive.Spans)
		if err != nil {
			t.Fatal(err)
		}
		o := isac.Typed()
		o.End = 1
		r.Guidance = &diffusion.Guidance{Method: o, Target: target}
	}
	return r, func() { positive.Close(); negative.Close() }
}

// run gives the latent's values and the reports of the image, after it has checked that the image is finite.
func run(t testing.TB, p *diffusion.Pipeline, side, steps int, guide bool) ([]float32, []guidance.Report) {
	t.Helper()
	r, free := request(t, p, side, steps, guide)
	defer free()
	latent, reports, err := p.Sample(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer latent.Close()
	image, err := p.DecodeLatent(latent)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if values := image.Float32s(); slices.Max(values) == slices.Min(values) || math.IsNaN(float64(slices.Max(values))) {
		t.Errorf("the image's values lie between %v and %v", slices.Min(values), slices.Max(values))
	}
	var of []guidance.Report
	for _, step := range reports {
		of = append(of, step...)
	}
	return latent.Float32s(), of
}

// TestSmallCheckpointsWork loads a single file and a folder of each kind, takes plain and guided steps, and holds that the two layouts give
// the same latents bit for bit.
func TestSmallCheckpointsWork(t *testing.T) {
	torchtest.Require(t)
	for _, c := range kinds {
		t.Run(c.kind, func(t *testing.T) {
			dir := t.TempDir()
			var plain, guided [][]float32
			for _, layout := range []family.Layout{family.SingleFile, family.Diffusers} {
				o := synth.Options{Kind: c.kind, Small: true, Layout: layout, DType: weights.F16, Seed: 7}
				p := load(t, write(t, filepath.Join(dir, string(layout)), o), diffusion.LoadOptions{})
				defer p.Close()
				if p.Family().Name != c.family {
					t.Errorf("the %s is taken for %s", layout, p.Family().Name)
				}
				switch n := p.Noise().(type) {
				case *sampling.Discrete:
					if n.Prediction != c.prediction {
						t.Errorf("the %s predicts %q, want %q", layout, n.Prediction, c.prediction)
					}
				default:
					if c.prediction != "" {
						t.Errorf("the %s has noise of type %T", layout, n)
					}
				}
				values, _ := run(t, p, 128, 1, false)
				plain = append(plain, values)
				values, reports := run(t, p, 128, 1, true)
				guided = append(guided, values)
				if len(reports) != 1 || reports[0].Skipped != "" || !(reports[0].GradNorm > 0) || math.IsInf(reports[0].GradNorm, 0) {
					t.Errorf("%s: the guided step: %+v", layout, reports)
				} else {
					t.Logf("%s: ‖gradient‖ %.3g, loss %.3g", layout, reports[0].GradNorm, reports[0].Loss)
				}
			}
			if !slices.Equal(plain[0], plain[1]) || !slices.Equal(guided[0], guided[1]) {
				t.Error("the file and the folder give different latents")
			}
			if slices.Equal(plain[0], guided[0]) {
				t.Error("guidance moved nothing")
			}
		})
	}
}

// TestEveryPrecision stores one checkpoint in each type: it loads, and the models are alike as far as the coarser type allows.
func TestEveryPrecision(t *testing.T) {
	torchtest.Require(t)
	dir := t.TempDir()
	var exact []float32
	for _, dtype := range []weights.DType{weights.F32, weights.F16, weights.BF16} {
		path := write(t, filepath.Join(dir, string(dtype)), synth.Options{Kind: "sd1", Small: true, Layout: family.SingleFile, DType: dtype, Seed: 1})
		p := load(t, path, diffusion.LoadOptions{})
		got, _ := run(t, p, 64, 1, false)
		p.Close()
		if exact == nil {
			exact = got
		}
		var difference, norm float64
		for i := range got {
			difference += math.Pow(float64(got[i]-exact[i]), 2)
			norm += math.Pow(float64(exact[i]), 2)
		}
		if part := math.Sqrt(difference / norm); part > 0.05 || part == 0 && dtype != weights.F32 {
			t.Errorf("stored as %s the latent differs by %v of its norm", dtype, part)
		}
	}
	p := load(t, filepath.Join(dir, "BF16"), diffusion.LoadOptions{DType: torch.BFloat16})
	defer p.Close()
	if _, reports := run(t, p, 64, 1, true); reports[0].Skipped != "" || !(reports[0].GradNorm > 0) {
		t.Errorf("the guided step in bfloat16: %+v", reports[0])
	}
}
