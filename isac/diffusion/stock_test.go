package diffusion

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// stockRun is a run of ComfyUI's samplers in testdata/stock.
type stockRun struct {
	name   string
	change func(r *SampleRequest, f *fixture.Fixture)
}

// inArea is a rectangle in latent pixels, of which the tiny model has one for two of a picture.
func inArea(h, w, y, x, strength float64) Region {
	return Region{Area: &Area{Height: 2 * h, Width: 2 * w, Top: 2 * y, Left: 2 * x}, Strength: strength, MaskStrength: 1}
}

func behind(mask torch.Tensor, strength float64) Region {
	return Region{Mask: mask, Strength: 1, MaskStrength: strength}
}

// stockRuns are the cases of make_stock.py.
var stockRuns = []stockRun{
	{"whole", func(*SampleRequest, *fixture.Fixture) {}},
	{"denoise", func(r *SampleRequest, _ *fixture.Fixture) { r.Denoise = 0.5 }},
	{"denoise_heun", func(r *SampleRequest, _ *fixture.Fixture) { r.Denoise, r.Sampler = 0.6, "heun" }},
	{"masked", func(r *SampleRequest, f *fixture.Fixture) { r.Mask = f.Tensor("sd2.mask") }},
	{"masked_two", func(r *SampleRequest, f *fixture.Fixture) {
		r.Mask, r.Denoise, r.Sampler, r.Scheduler = f.Tensor("sd2.two"), 0.7, "dpmpp_2m", "karras"
	}},
	{"indexed", func(r *SampleRequest, _ *fixture.Fixture) { r.BatchIndex = []int{3, 1} }},
	{"stage1", func(r *SampleRequest, _ *fixture.Fixture) { r.LastStep = 3 }},
	{"stage1_full", func(r *SampleRequest, _ *fixture.Fixture) { r.LastStep, r.TakeRest = 3, true }},
	{"middle", func(r *SampleRequest, _ *fixture.Fixture) { r.FirstStep, r.LastStep, r.TakeRest = 2, 10000, true }},
	{"stage2", func(r *SampleRequest, f *fixture.Fixture) {
		r.Latent, r.FirstStep, r.TakeRest, r.NoNoise = f.Tensor("sd2.stage1"), 3, true, true
	}},
	{"areas", func(r *SampleRequest, f *fixture.Fixture) {
		r.Positive.More = []Conditioning{text(f, "positive.1", inArea(8, 9, 2, 11, 1.3)), text(f, "positive.2", inArea(12, 10, 0, 0, 0.7))}
	}},
	{"only_area", func(r *SampleRequest, f *fixture.Fixture) { r.Positive = text(f, "positive.1", inArea(6, 12, 3, 4, 1)) }},
	{"negative_area", func(r *SampleRequest, f *fixture.Fixture) {
		r.Negative.More = []Conditioning{text(f, "negative.1", inArea(8, 8, 0, 12, 0.5))}
	}},
	{"area_cfg1", func(r *SampleRequest, f *fixture.Fixture) {
		r.Positive.More, r.CFG = []Conditioning{text(f, "positive.1", inArea(6, 8, 2, 4, 1))}, 1
	}},
	{"cond_masks", func(r *SampleRequest, f *fixture.Fixture) {
		mask := f.Tensor("sd2.cond_mask")
		first := text(f, "positive.0", behind(mask, 0.8))
		first.More = []Conditioning{text(f, "positive.1", behind(mask.Neg().AddScalar(1), 1))}
		r.Positive = first
	}},
	{"bounds", func(r *SampleRequest, f *fixture.Fixture) {
		region := behind(f.Tensor("sd2.blob"), 1)
		region.ToBounds = true
		r.Positive.More = []Conditioning{text(f, "positive.1", region)}
	}},
	{"share", func(r *SampleRequest, f *fixture.Fixture) {
		region := Region{Area: &Area{Height: 0.5, Width: 0.33, Top: 0.25, Left: 0.6, Share: true}, Strength: 1, MaskStrength: 1}
		r.Positive.More = []Conditioning{text(f, "positive.1", region)}
	}},
	{"masked_cfg_pp", func(r *SampleRequest, f *fixture.Fixture) {
		r.Mask, r.Sampler, r.Denoise = f.Tensor("sd2.mask"), "euler_cfg_pp", 0.6
	}},
	{"areas_cfg_pp", func(r *SampleRequest, f *fixture.Fixture) {
		r.Positive.More, r.CFG, r.Sampler = []Conditioning{text(f, "positive.1", inArea(6, 8, 2, 4, 1))}, 1, "dpmpp_2m_cfg_pp"
	}},
	{"middle_dpm_2", func(r *SampleRequest, _ *fixture.Fixture) {
		r.FirstStep, r.LastStep, r.TakeRest, r.Sampler, r.Scheduler = 1, 4, true, "dpm_2", "karras"
	}},
	{"middle_uni_pc", func(r *SampleRequest, _ *fixture.Fixture) {
		r.FirstStep, r.LastStep, r.Sampler, r.Steps = 1, 4, "uni_pc", 5
	}},
	{"combined", func(r *SampleRequest, f *fixture.Fixture) {
		r.Positive = Combine(r.Positive, text(f, "positive.1"))
		r.Negative = Combine(r.Negative, text(f, "negative.1"))
	}},
	{"concat", func(r *SampleRequest, f *fixture.Fixture) {
		var err error
		if r.Positive, err = Concat(r.Positive, text(f, "positive.1")); err != nil {
			panic(err)
		}
	}},
}

// text is a conditioning of the fixture.
func text(f *fixture.Fixture, name string, region ...Region) Conditioning {
	c := Conditioning{Hidden: f.Tensor("sd2." + name)}
	if len(region) > 0 {
		c.Region = &region[0]
	}
	return c
}

// TestStockRuns holds runs from latents, behind masks, with areas and in parts against ComfyUI's samplers.
func TestStockRuns(t *testing.T) {
	torchtest.Require(t)
	p, err := Load(fixture.Dir("tiny-sd2"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	f := fixture.Open(t, "stock")
	for _, c := range stockRuns {
		for _, apart := range []bool{false, true} { // image by image, as where there is no room for both
			t.Run(fmt.Sprintf("%s %t", c.name, apart), func(t *testing.T) {
				err := torch.InScope(func() error {
					r := SampleRequest{
						Positive: text(f, "positive.0"), Negative: text(f, "negative.0"), Latent: f.Tensor("sd2.latent"),
						Steps: 6, CFG: 3, Sampler: "euler", Scheduler: "normal", Seed: 7, Denoise: 1,
					}
					c.change(&r, f)
					pl, err := p.plan(&r)
					if err != nil {
						return err
					}
					if pl.part = 2; apart {
						pl.part = 1
					}
					out, err := p.run(context.Background(), &r, pl)
					if err != nil {
						return err
					}
					defer out.Latent.Close()
					near(t, out.Latent.Float32s(), f.Tensor("sd2."+c.name).Float32s(), 1e-4)
					if strings.Contains(c.name, "comb") || c.name == "concat" {
						r.Positive.Close()
					}
					if c.name == "combined" {
						r.Negative.Close()
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestStagesOfAFlow holds that a run in two stages is the run in one, and that a mask of zeros leaves the latent as it was, where noise is
// mixed into the latent and not added to it.
func TestStagesOfAFlow(t *testing.T) {
	torchtest.Require(t)
	p, err := Load(fixture.Dir("tiny-sd3"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	g := torch.NewGenerator(4)
	defer g.Close()
	fixture.InScope(t, func() {
		latent := g.Randn(1, int64(p.LatentChannels()), 8, 8)
		r := SampleRequest{
			Positive: encode(t, p, scene), Negative: encode(t, p, ""), Latent: latent, Steps: 4, CFG: 2, Sampler: "euler", Scheduler: "normal", Seed: 5, Denoise: 1,
		}
		whole, _ := sample(t, p, r)
		first := r
		first.LastStep = 2
		left, _ := sample(t, p, first)
		second := r
		second.Latent, second.FirstStep, second.NoNoise = torch.FromFloat32s(left, latent.Shape()...), 2, true
		both, _ := sample(t, p, second)
		near(t, both, whole, 1e-4)
		kept := r
		kept.Mask = torch.Zeros([]int64{1, 5, 9}, torch.Float32, torch.CPU)
		same, _ := sample(t, p, kept)
		near(t, same, latent.Float32s(), 1e-5)
		// An empty latent is one from nothing, not one of the colour that 0 stands for.
		empty, none := r, r
		empty.Latent = latent.ZerosLike()
		none.Latent, none.Width, none.Height = torch.Tensor{}, 8*p.Factor(), 8*p.Factor()
		a, _ := sample(t, p, empty)
		b, _ := sample(t, p, none)
		near(t, a, b, 0)
	})
}

// TestGuidanceLeavesTheMaskedAlone holds that guidance moves only what is sampled anew, and still moves that.
func TestGuidanceLeavesTheMaskedAlone(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	g := torch.NewGenerator(4)
	defer g.Close()
	fixture.InScope(t, func() {
		latent := g.Randn(1, 4, 8, 8)
		r := request(t, p)
		r.Latent, r.Width, r.Height, r.Denoise, r.Sampler = latent, 0, 0, 0.8, "euler"
		half := torch.Cat([]torch.Tensor{torch.Zeros([]int64{1, 8, 4}, torch.Float32, torch.CPU), torch.Ones([]int64{1, 8, 4}, torch.Float32, torch.CPU)}, 2)
		r.Mask = half
		plain, _ := sample(t, p, r)
		r.Guidance = guided(r.Positive)
		moved, reports := sample(t, p, r)
		if reports[0][0].Moves == 0 {
			t.Fatal("guidance moved nothing")
		}
		was := latent.Float32s()
		changed := false
		for i := range moved {
			if i%8 < 4 {
				if d := moved[i] - was[i]; d > 1e-5 || d < -1e-5 {
					t.Fatalf("value %d behind the mask is %v, was %v", i, moved[i], was[i])
				}
			} else {
				changed = changed || moved[i] != plain[i]
			}
		}
		if !changed {
			t.Error("guidance changed nothing where the mask is 1")
		}
		// Half a run is guided as the second half of the schedule is.
		r.Mask, r.Denoise, r.FirstStep = torch.Tensor{}, 1, 1
		_, reports = sample(t, p, r)
		if s := reports[0][0].Step; s.Index != 1 || s.Count != r.Steps || len(reports) != r.Steps-1 {
			t.Errorf("a run from step 1 reports %d steps, the first as %d of %d", len(reports), s.Index, s.Count)
		}
	})
}
