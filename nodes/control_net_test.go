package nodes

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// controlHost has control nets in a tree as ComfyUI has it, beside the model that they are for.
func controlHost(t *testing.T) *host {
	t.Helper()
	testdata := filepath.Join("..", "isac", "diffusion", "testdata")
	tree := t.TempDir()
	put(t, tree, "checkpoints/put_checkpoints_here", filepath.Join(testdata, "README.md"))
	for _, name := range []string{"tiny-sd2.safetensors", "tiny-sd2.json", "tiny-sdxl.safetensors", "tiny-sdxl.json"} {
		put(t, tree, "controlnet/"+name, filepath.Join(testdata, "control", name))
	}
	put(t, tree, "controlnet/other/a-lora.safetensors", filepath.Join(testdata, "lora", "tiny-kohya.safetensors"))
	put(t, tree, "controlnet/readme.md", filepath.Join(testdata, "README.md"))
	return newHost(t, filepath.Join(testdata, "tiny-sd2"), tree)
}

// TestControlNetNodes holds runs behind the nodes against ComfyUI's, with a net that is closed before they begin.
func TestControlNetNodes(t *testing.T) {
	h := controlHost(t)
	file, err := weights.Open(filepath.Join("..", "isac", "diffusion", "testdata", "control", "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &stock{t: t, file: file}
	const key = "run.tiny-sd2."
	model := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny-sd2"}).Values[0]
	loaded := h.run("ControlNetLoader", map[string]any{"control_net_name": "tiny-sd2.safetensors"})
	net := loaded.Values[0]
	var positive, negative *Conditioning
	var one, two *Image
	var latent *Latent
	do(t, h, func() {
		positive = newConditioning(diffusion.Conditioning{Hidden: s.tensor(key + "text.0").Keep()})
		negative = newConditioning(diffusion.Conditioning{Hidden: s.tensor(key + "text.2").Keep()})
		one, two, latent = newImage(s.tensor(key+"picture.one")), newImage(s.tensor(key+"picture.two")), newLatent(s.tensor(key+"latent").Keep(), 2)
	})
	h.results = append(h.results, Result{Values: []any{positive, negative, one, two, latent}})
	advanced := func(p, n, image any, strength, start, end float64) (any, any) {
		v := h.run("ControlNetApplyAdvanced", map[string]any{
			"positive": p, "negative": n, "control_net": net, "image": image, "strength": strength, "start_percent": start, "end_percent": end,
		}).Values
		return v[0], v[1]
	}
	type sides struct{ positive, negative any }
	cases := map[string]sides{"plain": {positive, negative}}
	cases["apply"] = sides{h.run("ControlNetApply", map[string]any{"conditioning": positive, "control_net": net, "image": one, "strength": 0.8}).Values[0], negative}
	p, n := advanced(positive, negative, one, 0.7, 0.2, 0.7)
	cases["advanced"] = sides{p, n}
	p, n = advanced(positive, negative, one, 0.9, 0, 1)
	p, n = advanced(p, n, two, 0.5, 0, 0.4)
	cases["chained"] = sides{p, n}
	p, n = advanced(positive, negative, one, 0, 0, 1)
	cases["plain, of strength 0"] = sides{p, n}
	loaded.Close()
	for name, c := range cases {
		out := h.run("KSampler", map[string]any{
			"model": model, "positive": c.positive, "negative": c.negative, "latent_image": latent, "seed": 7, "steps": 6, "cfg": 3.0,
			"sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
		}).Values[0].(*Latent)
		do(t, h, func() {
			fixture, _, _ := strings.Cut(name, ",")
			s.near(name, key+fixture, out.Samples, 1e-5*float64(s.tensor(key+fixture).Abs().MaxAll().Item()))
		})
	}
}

// TestControlNetFolder lists the files of the folder and says what each is that is no control net, or one of another model.
func TestControlNetFolder(t *testing.T) {
	h := controlHost(t)
	node, _ := h.registry.Get("ControlNetLoader")
	if names := node.Info(h.env).Required[0].Choices; !slices.Equal(names, []string{"other/a-lora.safetensors", "tiny-sd2.safetensors", "tiny-sdxl.safetensors"}) {
		t.Fatalf("offered are %q", names)
	}
	mentions := func(err error, want ...string) {
		t.Helper()
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("error %v does not say %q", err, w)
			}
		}
	}
	_, err := h.try(t.Context(), "ControlNetLoader", map[string]any{"control_net_name": "other/a-lora.safetensors"})
	mentions(err, `control net "other/a-lora.safetensors"`, "this is a LoRA")
	l := h.load("tiny-sd2", catsAndDog)
	net := h.run("ControlNetLoader", map[string]any{"control_net_name": "tiny-sdxl.safetensors"}).Values[0]
	var image *Image
	do(t, h, func() { image = newImage(torch.Zeros([]int64{1, 8, 8, 3}, torch.Float32, torch.CPU)) })
	h.results = append(h.results, Result{Values: []any{image}})
	l.positive = h.run("ControlNetApply", map[string]any{"conditioning": l.positive, "control_net": net, "image": image, "strength": 1.0}).Values[0]
	_, err = h.try(t.Context(), "KSampler", h.sampling(l, nil))
	mentions(err, "positive conditioning", "control net 1", "text of width 40", "text of width 32")
}

// TestGuidedWithControlNet samples with guidance under a control net, which changes the picture.
func TestGuidedWithControlNet(t *testing.T) {
	h := controlHost(t)
	l := h.load("tiny-sd2", catsAndDog)
	l.model = h.run("ISACGuidance", map[string]any{"model": l.model, "preset": "paper", "eta": -1, "start": 0, "end": 1, "schedule": "preset"}).Values[0]
	without := h.run("KSampler", h.sampling(l, nil)).Values[0].(*Latent)
	net := h.run("ControlNetLoader", map[string]any{"control_net_name": "tiny-sd2.safetensors"}).Values[0]
	var image *Image
	do(t, h, func() {
		image = newImage(torch.Linspace(0, 1, 20*30*3, torch.Float32, torch.CPU).Reshape(1, 20, 30, 3))
	})
	h.results = append(h.results, Result{Values: []any{image}})
	l.positive = h.run("ControlNetApply", map[string]any{"conditioning": l.positive, "control_net": net, "image": image, "strength": 1.0}).Values[0]
	with := h.run("KSampler", h.sampling(l, nil)).Values[0].(*Latent)
	if len(with.Reports) != 1 || len(with.Reports[0]) != 4 || with.Reports[0][0].Moves == 0 {
		t.Errorf("reports %+v", with.Reports)
	}
	if with.Reports[0][0].Loss == without.Reports[0][0].Loss || slices.Equal(with.Samples.Float32s(), without.Samples.Float32s()) {
		t.Error("the control net changes nothing that guidance sees")
	}
}
