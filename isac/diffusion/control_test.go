package diffusion

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loadNet reads a control net of testdata/control.
func loadNet(t *testing.T, name string, dtype torch.DType) *ControlNet {
	t.Helper()
	net, err := LoadControlNet(filepath.Join(fixture.Dir("control"), name+".safetensors"), LoadOptions{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(net.Close)
	return net
}

// control adds the net with a picture of the fixture to a conditioning.
type control func(to *Conditioning, picture string, strength, start, end float64, both bool)

// controlRuns are the runs of make_control.py: what is done to the positive and the negative conditioning.
var controlRuns = []struct {
	name   string
	change func(r *SampleRequest, with control, area Conditioning)
}{
	{"plain", func(*SampleRequest, control, Conditioning) {}},
	{"apply", func(r *SampleRequest, with control, _ Conditioning) {
		with(&r.Positive, "one", 0.8, 0, 1, true)
	}},
	{"advanced", func(r *SampleRequest, with control, _ Conditioning) {
		with(&r.Positive, "one", 0.7, 0.2, 0.7, false)
		with(&r.Negative, "one", 0.7, 0.2, 0.7, false)
	}},
	{"positive", func(r *SampleRequest, with control, _ Conditioning) {
		with(&r.Positive, "one", 1.5, 0, 1, false)
	}},
	{"chained", func(r *SampleRequest, with control, _ Conditioning) {
		for _, side := range []*Conditioning{&r.Positive, &r.Negative} {
			with(side, "one", 0.9, 0, 1, false)
			with(side, "two", 0.5, 0, 0.4, false)
		}
	}},
	{"two", func(r *SampleRequest, with control, _ Conditioning) {
		with(&r.Positive, "two", 1, 0, 1, false)
		with(&r.Negative, "two", 1, 0, 1, false)
	}},
	{"three", func(r *SampleRequest, with control, _ Conditioning) {
		with(&r.Positive, "three", 1, 0.3, 1, false)
		with(&r.Negative, "three", 1, 0.3, 1, false)
	}},
	{"area", func(r *SampleRequest, with control, area Conditioning) {
		r.Positive.More = []Conditioning{area}
		with(&r.Positive, "one", 1, 0, 1, true)
	}},
	{"only_area", func(r *SampleRequest, with control, area Conditioning) {
		r.Positive = area
		with(&r.Positive, "one", 1, 0, 1, true)
	}},
	{"cfg1", func(r *SampleRequest, with control, _ Conditioning) {
		r.CFG = 1
		with(&r.Positive, "one", 0.8, 0, 1, true)
	}},
	{"heun", func(r *SampleRequest, with control, _ Conditioning) {
		r.Sampler, r.Scheduler = "heun", "karras"
		with(&r.Positive, "one", 0.7, 0.2, 0.7, false)
		with(&r.Negative, "one", 0.7, 0.2, 0.7, false)
	}},
}

// TestControlledRuns holds whole runs with control nets against ComfyUI's nodes and samplers: strength, start and end, several nets, batches
// and areas, with nets in both layouts.
func TestControlledRuns(t *testing.T) {
	torchtest.Require(t)
	for _, model := range []struct {
		folder string
		nets   []string
		only   []string
	}{
		{"tiny-sd2", []string{"tiny-sd2", "tiny-sd2-released"}, nil},
		{"tiny-sdxl", []string{"tiny-sdxl"}, []string{"apply", "advanced"}},
	} {
		p, f := load(t, fixture.Dir(model.folder), LoadOptions{}), fixture.Open(t, "control")
		key := "run." + model.folder + "."
		text := func(i int) Conditioning {
			c := Conditioning{Hidden: f.Tensor(fmt.Sprintf("%stext.%d", key, i))}
			if p.model.Shape.Vector != 0 {
				c.Pooled = f.Tensor(fmt.Sprintf("%spooled.%d", key, i))
			}
			return c
		}
		for _, name := range model.nets {
			net := loadNet(t, name, torch.Float32)
			for _, c := range controlRuns {
				if model.only != nil && !slices.Contains(model.only, c.name) {
					continue
				}
				for _, apart := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %s %t", name, c.name, apart), func(t *testing.T) {
						fixture.InScope(t, func() {
							r := SampleRequest{
								Positive: text(0), Negative: text(2), Latent: f.Tensor(key + "latent"),
								Steps: 6, CFG: 3, Sampler: "euler", Scheduler: "normal", Seed: 7, Denoise: 1,
							}
							if model.folder == "tiny-sdxl" { // ComfyUI takes latents to be an eighth of the picture
								sizes := family.Sizes{Height: 96, Width: 160, TargetHeight: 96, TargetWidth: 160}
								r.Positive.Sizes, r.Negative.Sizes = &sizes, &sizes
							}
							with := func(to *Conditioning, picture string, strength, start, end float64, both bool) {
								old := *to
								*to = to.WithControl(Control{Net: net, Picture: f.Tensor(key+"picture."+picture).Permute(0, 3, 1, 2), Strength: strength, Start: start, End: end}, both)
								if len(old.Controls) > 0 {
									old.Close()
								}
							}
							area := text(1)
							region := inArea(8, 9, 2, 11, 1.3)
							area.Region = &region
							c.change(&r, with, area)
							defer r.Positive.Close()
							defer r.Negative.Close()
							pl, err := p.plan(&r)
							if err != nil {
								t.Fatal(err)
							}
							if pl.part = 2; apart {
								pl.part = 1
							}
							out, err := p.run(context.Background(), &r, pl)
							if err != nil {
								t.Fatal(err)
							}
							defer out.Latent.Close()
							f.Near(key+c.name, out.Latent, 1e-5) // pictures change little in a random net
						})
					})
				}
			}
		}
	}
}

// TestReleasedControlNet holds a net of Stable Diffusion 1's form, in a file of the first release, against diffusers' networks.
func TestReleasedControlNet(t *testing.T) {
	torchtest.Require(t)
	net, f := loadNet(t, "tiny-released", torch.Float32), fixture.Open(t, "control")
	u := load(t, fixture.Dir("tiny"), LoadOptions{}).model.Denoiser.(backbone.Controlled)
	const key = "net.tiny."
	fixture.InScope(t, func() {
		x, text := f.Tensor(key+"x").SetRequiresGrad(true), f.Tensor(key+"text")
		torch.WithGrad(func() {
			add, err := net.model.Forward(context.Background(), x, 400, text, torch.Tensor{}, net.model.Hint(f.Tensor(key+"picture")))
			if err != nil {
				t.Fatal(err)
			}
			out, err := u.ForwardControlled(context.Background(), x, 400, text, torch.Tensor{}, add, nil)
			if err != nil {
				t.Fatal(err)
			}
			f.Near(key+"out", out.Detach(), 1e-4)
			f.Near(key+"grad", torch.Grad(out.Mul(f.Tensor(key+"weighting")).SumAll(), x)[0], 1e-4)
		})
	})
}

// TestPooledControl takes a net for the kind that averages its residuals by its file's name.
func TestPooledControl(t *testing.T) {
	torchtest.Require(t)
	dir := t.TempDir()
	for from, to := range map[string]string{"tiny-sd2.safetensors": "a_shuffle.safetensors", "tiny-sd2.json": "a_shuffle.json"} {
		data, err := os.ReadFile(filepath.Join(fixture.Dir("control"), from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	net, err := LoadControlNet(filepath.Join(dir, "a_shuffle.safetensors"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	p, f := load(t, fixture.Dir("tiny-sd2"), LoadOptions{}), fixture.Open(t, "control")
	fixture.InScope(t, func() {
		const key = "run.tiny-sd2."
		picture := f.Tensor(key+"picture.one").Permute(0, 3, 1, 2)
		control := Control{Net: net, Picture: picture, Strength: 1, End: 1}
		r := SampleRequest{
			Positive: Conditioning{Hidden: f.Tensor(key + "text.0")}.WithControl(control, false),
			Negative: Conditioning{Hidden: f.Tensor(key + "text.2")}.WithControl(control, false),
			Latent:   f.Tensor(key + "latent"), Steps: 6, CFG: 3, Sampler: "euler", Scheduler: "normal", Seed: 7, Denoise: 1,
		}
		defer r.Positive.Close()
		defer r.Negative.Close()
		latent, _, err := p.Sample(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer latent.Close()
		f.Near(key+"pool", latent, 1e-4)
	})
}

// TestControlMistakes holds that a net of another model, and numbers out of range, are said before anything is sampled.
func TestControlMistakes(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny-sd2"), LoadOptions{})
	fixture.InScope(t, func() {
		picture := torch.Zeros([]int64{1, 3, 8, 8}, torch.Float32, torch.CPU)
		request := func(control Control) SampleRequest {
			c := encode(t, p, "a cat")
			return SampleRequest{
				Positive: c.WithControl(control, false), Negative: c, Width: 16, Height: 16, Steps: 1, CFG: 2, Sampler: "euler", Scheduler: "normal", Denoise: 1,
			}
		}
		r := request(Control{Net: loadNet(t, "tiny-sdxl", torch.Float32), Picture: picture, Strength: 1, Start: -1, End: 2})
		defer r.Positive.Close()
		_, _, err := p.Sample(context.Background(), r)
		fixture.Mentions(t, err, "the positive conditioning: control net 1", "text of width 40", "the model is a model that reads text of width 32", "from -1 to 2")
		sd3 := load(t, fixture.Dir("tiny-sd3"), LoadOptions{})
		c := encode(t, sd3, "a cat").WithControl(Control{Net: loadNet(t, "tiny-sd2", torch.Float32), Picture: picture, Strength: 1, End: 1}, false)
		defer c.Close()
		_, _, err = sd3.Sample(context.Background(), SampleRequest{Positive: c, Width: 16, Height: 16, Steps: 1, CFG: 1, Sampler: "euler", Scheduler: "normal", Denoise: 1})
		fixture.Mentions(t, err, "for a UNet", "Stable Diffusion 3")
	})
}

// TestControlInOtherTypes holds that nets and models of other types work together, and that their memory is asked for.
func TestControlInOtherTypes(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "control")
	const key = "run.tiny-sd2."
	for _, types := range [][2]torch.DType{{torch.BFloat16, torch.BFloat16}, {torch.Float32, torch.BFloat16}, {torch.BFloat16, torch.Float32}} {
		p, net := load(t, fixture.Dir("tiny-sd2"), LoadOptions{DType: types[0]}), loadNet(t, "tiny-sd2", types[1])
		fixture.InScope(t, func() {
			plain := Conditioning{Hidden: f.Tensor(key + "text.0")}
			r := SampleRequest{
				Positive: plain.WithControl(Control{Net: net, Picture: f.Tensor(key+"picture.one").Permute(0, 3, 1, 2), Strength: 0.8, End: 1}, true),
				Negative: Conditioning{Hidden: f.Tensor(key + "text.2")}, Latent: f.Tensor(key + "latent"),
				Steps: 6, CFG: 3, Sampler: "euler", Scheduler: "normal", Seed: 7, Denoise: 1,
			}
			defer r.Positive.Close()
			latent, _, err := p.Sample(context.Background(), r)
			if err != nil {
				t.Fatal(types, err)
			}
			defer latent.Close()
			f.Near(key+"apply", latent, 0.1)
			without := r
			without.Positive = plain
			shape := r.Latent.Shape()
			if more, less := p.needOf(&r, shape, 1), p.needOf(&without, shape, 1); more.device <= less.device {
				t.Errorf("%v: a run with a control net takes %v bytes, without %v", types, more.device, less.device)
			}
		})
	}
}
