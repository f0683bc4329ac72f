package diffusion

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestEachImageOfABatch holds that each image of a guided batch is the one that its noise gives alone, with its own reports and maps, and
// that random directions differ from image to image by the seed.
func TestEachImageOfABatch(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	fixture.InScope(t, func() {
		g := torch.NewGenerator(5)
		defer g.Close()
		noise := g.Randn(2, 4, 8, 8)
		for name, change := range map[string]func(*isac.Options){
			"gradient": func(o *isac.Options) { o.Eta = 0.05 },
			"random":   func(o *isac.Options) { o.Eta, o.Direction = 0.05, guidance.DirectionRandom },
		} {
			r := request(t, p)
			r.Batch, r.Noise, r.Guidance = 2, noise, guided(r.Positive, change)
			peaks := [2][]float64{}
			r.Guidance.Observe = func(image int, m guidance.Maps) { peaks[image] = append(peaks[image], m.ClassPeak.Value) }
			both, reports := sample(t, p, r)
			half := len(both) / 2
			for b := range 2 {
				one := request(t, p)
				one.Noise, one.Guidance, one.Seed = noise.Narrow(0, int64(b), 1), guided(one.Positive, change), r.Seed+uint64(b)
				alone, seen := sample(t, p, one)
				near(t, both[b*half:(b+1)*half], alone, 2e-3)
				if a, w := reports[0][b].Loss, seen[0][0].Loss; math.Abs(a-w) > 1e-6 {
					t.Errorf("%s: the first loss of image %d is %v, alone it is %v", name, b, a, w)
				}
				if len(peaks[b]) != r.Steps {
					t.Errorf("%s: the observer has seen %d steps of image %d", name, len(peaks[b]), b)
				}
			}
		}
	})
}

// TestGuidanceHasTheNoiseOfTheRun holds that a model with another noise is guided in that one's parametrisation.
func TestGuidanceHasTheNoiseOfTheRun(t *testing.T) {
	p := loadTiny(t)
	noise, err := sampling.NewDiscrete(sampling.Betas{Schedule: "linear", Start: 0.001, End: 0.02, Timesteps: 1000}, sampling.Epsilon)
	if err != nil {
		t.Fatal(err)
	}
	other := p.WithNoise(noise)
	r := request(t, other)
	r.Guidance = guided(r.Positive)
	_, reports := sample(t, other, r)
	for i, images := range reports {
		if got, want := images[0].Timestep, noise.Timestep(images[0].Sigma); got != want || i == 0 && math.Abs(images[0].Sigma/noise.SigmaMax()-1) > 1e-5 {
			t.Errorf("step %d at sigma %v has timestep %v, want %v", i, images[0].Sigma, got, want)
		}
	}
	// An image whose steps are all skipped is left with the very same bits.
	r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Start, o.End = 0.9, 1 })
	skipped, _ := sample(t, other, r)
	r.Guidance = nil
	if plain, _ := sample(t, other, r); !slices.Equal(plain, skipped) {
		t.Error("a run all of whose steps are skipped gives another latent")
	}
}

// TestStepsOfTheSchedule holds that steps are counted by the schedule, which may take one more than is asked for.
func TestStepsOfTheSchedule(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Scheduler, r.Steps = "ddim_uniform", 6 // timesteps 1, 167, … 997
	r.Guidance = guided(r.Positive)
	steps := 0
	r.OnStep = func(s StepInfo) error {
		if s.Count != 7 || s.Index != steps || s.Reports[0].Count != 7 || s.Reports[0].Sigma != s.Sigma {
			t.Errorf("step %d of %d at sigma %v, report %+v", s.Index, s.Count, s.Sigma, s.Reports[0].Step)
		}
		steps++
		return nil
	}
	if _, reports := sample(t, p, r); steps != 7 || len(reports) != 7 {
		t.Errorf("%d steps were told of, %d reported, want 7", steps, len(reports))
	}
}

// TestEachImageIsDecoded holds that each latent of a batch becomes its own image.
func TestEachImageIsDecoded(t *testing.T) {
	p, f := loadTiny(t), fixture.Open(t, "tiny")
	fixture.InScope(t, func() {
		z := f.Tensor("vae.z")
		both, err := p.DecodeLatent(torch.Cat([]torch.Tensor{z, z.Neg()}, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer both.Close()
		for b, latent := range []torch.Tensor{z, z.Neg()} {
			alone, err := p.DecodeLatent(latent)
			if err != nil {
				t.Fatal(err)
			}
			defer alone.Close()
			fixture.Near(t, "an image of two", both.Narrow(0, int64(b), 1), alone, 1e-6)
		}
	})
}

// TestPreviewOfTheLastStep holds that what a caller is told the image to be is in the result's own scale: at the last step of euler it is
// the result.
func TestPreviewOfTheLastStep(t *testing.T) {
	for _, name := range []string{"tiny", "tiny-sd3"} { // which shifts latents, too
		torchtest.Require(t)
		p := load(t, fixture.Dir(name), LoadOptions{})
		r := request(t, p)
		var last []float32
		r.OnStep = func(s StepInfo) error {
			last = s.Denoised.Float32s()
			return nil
		}
		latent, _ := sample(t, p, r)
		near(t, last, latent, 1e-4)
	}
}

// TestSizesOfTheWholePicture holds that SDXL is told the size that is sampled where nothing else is said, height before width, by the
// sampler and by guidance.
func TestSizesOfTheWholePicture(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{})
	r := request(t, p)
	r.Width, r.Height = 64, 32
	r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Eta = 0.1 })
	want, _ := sample(t, p, r)
	r.Positive.Sizes = &family.Sizes{Height: 32, Width: 64, TargetHeight: 32, TargetWidth: 64}
	r.Negative.Sizes = r.Positive.Sizes
	if got, _ := sample(t, p, r); !slices.Equal(got, want) {
		t.Error("the sizes of the whole picture give another latent than none")
	}
	r.Positive.Sizes = &family.Sizes{Height: 64, Width: 32, TargetHeight: 64, TargetWidth: 32}
	r.Negative.Sizes = r.Positive.Sizes
	if got, _ := sample(t, p, r); slices.Equal(got, want) {
		t.Error("the sizes of a tall picture give the latent of a wide one")
	}
}

// TestEachImageIsEncoded holds that each image of a batch becomes its own latent.
func TestEachImageIsEncoded(t *testing.T) {
	p, f := loadTiny(t), fixture.Open(t, "tiny")
	fixture.InScope(t, func() {
		image := f.Tensor("vae.image").MulScalar(0.5).AddScalar(0.5).Permute(0, 2, 3, 1)
		negative := image.Neg().AddScalar(1)
		both, err := p.EncodeImage(t.Context(), torch.Cat([]torch.Tensor{image, negative}, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer both.Close()
		for b, one := range []torch.Tensor{image, negative} {
			alone, err := p.EncodeImage(t.Context(), one)
			if err != nil {
				t.Fatal(err)
			}
			defer alone.Close()
			fixture.Near(t, "a latent of two", both.Narrow(0, int64(b), 1), alone, 1e-6)
		}
	})
}

// TestAncestralNoise holds that the noise which ancestral samplers add is that of the next seed, one draw after the other, as ComfyUI
// has it.
func TestAncestralNoise(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	fixture.InScope(t, func() {
		run := &run{p: p, request: &r}
		defer run.close()
		g := torch.NewGenerator(r.Seed + 1)
		defer g.Close()
		like := torch.Zeros([]int64{1, 4, 8, 8}, torch.Float32, torch.CPU)
		for i := range 2 {
			if got, want := run.ancestral(i, 1, like), g.Randn(1, 4, 8, 8); !slices.Equal(got.Float32s(), want.Float32s()) {
				t.Errorf("draw %d is another one", i)
			}
		}
	})
}
