package nodes

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

// values are a latent's.
func valuesOf(t *testing.T, h *host, x torch.Tensor) (values []float32) {
	t.Helper()
	do(t, h, func() { values = x.Contiguous().Float32s() })
	return values
}

// TestPictureBehindAMask goes from a picture to another one behind a mask, guided, through the nodes that a graph has for it.
func TestPictureBehindAMask(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	var picture *Image
	var half *Mask
	do(t, h, func() {
		g := torch.NewGenerator(2)
		defer g.Close()
		picture = newImage(g.Randn(1, 33, 40, 3).Sigmoid())
		half = newMask(torch.Cat([]torch.Tensor{torch.Zeros([]int64{1, 32, 20}, torch.Float32, torch.CPU), torch.Ones([]int64{1, 32, 20}, torch.Float32, torch.CPU)}, 2))
	})
	defer picture.Close()
	defer half.Close()
	latent := h.run("VAEEncode", map[string]any{"pixels": picture, "vae": l.vae}).Values[0].(*Latent)
	if latent.Width != 40 || latent.Height != 32 || latent.Batch != 1 {
		t.Fatalf("a picture of 40×33 pixels became latents of %d×%d", latent.Width, latent.Height)
	}
	guided := h.guided(l.model, map[string]any{"end": 1.0})
	masked := h.run("SetLatentNoiseMask", map[string]any{"samples": latent, "mask": half}).Values[0]
	for _, model := range []any{l.model, guided} {
		made := h.run("KSampler", h.sampling(l, map[string]any{"model": model, "latent_image": masked, "denoise": 0.5})).Values[0].(*Latent)
		before, after := valuesOf(t, h, latent.Samples), valuesOf(t, h, made.Samples)
		changed := false
		for i := range after {
			if i%10 < 5 {
				if d := after[i] - before[i]; d > 1e-4 || d < -1e-4 {
					t.Fatalf("value %d where the mask is 0 went from %v to %v", i, before[i], after[i])
				}
			} else {
				changed = changed || after[i] != before[i]
			}
		}
		if !changed {
			t.Error("nothing changed where the mask is 1")
		}
		if !made.Mask.Defined() {
			t.Error("the mask was lost")
		}
	}
	// The same through a file.
	saved := h.run("SaveLatent", map[string]any{"samples": latent, "filename_prefix": "latents/a"}).Files[0]
	if saved.Name != "a_%05d_.latent" || saved.Subfolder != "latents" {
		t.Errorf("latents are written as %q in %q", saved.Name, saved.Subfolder)
	}
	h.env.Files = map[string][]byte{"latent": saved.Data}
	read := h.run("LoadLatent", map[string]any{"latent": "a.latent"}).Values[0].(*Latent)
	if !slices.Equal(valuesOf(t, h, read.Samples), valuesOf(t, h, latent.Samples)) {
		t.Error("latents that were written are read as others")
	}
	h.env.Files["latent"] = []byte("x")
	if _, err := h.try(t.Context(), "LoadLatent", map[string]any{"latent": "a.latent"}); err == nil || !strings.Contains(err.Error(), "a.latent") {
		t.Errorf("what is no file of latents: %v", err)
	}
}

// TestBatches holds that an image taken out of a batch is the image that it was within, and that a repeated batch has noises of its own.
func TestBatches(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	empty := h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 3}).Values[0]
	sample := func(latent any) []float32 {
		return valuesOf(t, h, h.run("KSampler", h.sampling(l, map[string]any{"latent_image": latent})).Values[0].(*Latent).Samples)
	}
	all := sample(empty)
	n := len(all) / 3
	second := h.run("LatentFromBatch", map[string]any{"samples": empty, "batch_index": 1, "length": 1}).Values[0]
	one := sample(second)
	if len(one) != n {
		t.Fatalf("%d values of one image, %d of three", len(one), len(all))
	}
	for i := range one {
		if d := one[i] - all[n+i]; d > 2e-3 || d < -2e-3 {
			t.Fatalf("value %d is %v, within the batch %v", i, one[i], all[n+i])
		}
	}
	twice := h.run("RepeatLatentBatch", map[string]any{"samples": second, "amount": 2}).Values[0].(*Latent)
	if twice.Batch != 2 || !slices.Equal(twice.BatchIndex, []int{1, 2}) {
		t.Errorf("repeated: %d images with the noises %v", twice.Batch, twice.BatchIndex)
	}
	if both := sample(twice); slices.Equal(both[:n], both[n:]) {
		t.Error("two images have one noise")
	}
	late := h.run("LatentFromBatch", map[string]any{"samples": empty, "batch_index": 60, "length": 9}).Values[0].(*Latent)
	if late.Batch != 1 || !slices.Equal(late.BatchIndex, []int{2}) {
		t.Errorf("beyond the end: %d images with the noises %v", late.Batch, late.BatchIndex)
	}
}

// TestStages holds that two advanced samplers are one, that guidance counts steps of the whole schedule in both, and that no step leaves the latent.
func TestStages(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	size := h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 1}).Values[0]
	guided := h.guided(l.model, map[string]any{"end": 1.0})
	advanced := func(model, latent any, more map[string]any) *Latent {
		t.Helper()
		inputs := map[string]any{
			"model": model, "add_noise": "enable", "noise_seed": 7, "steps": 4, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal",
			"positive": l.positive, "negative": l.negative, "latent_image": latent, "start_at_step": 0, "end_at_step": 10000, "return_with_leftover_noise": "disable",
		}
		for name, v := range more {
			inputs[name] = v
		}
		return h.run("KSamplerAdvanced", inputs).Values[0].(*Latent)
	}
	for model, tolerance := range map[any]float64{l.model: 1e-4, guided: 0.02} { // guidance clusters anew in the second run
		whole := advanced(model, size, nil)
		first := advanced(model, size, map[string]any{"end_at_step": 2, "return_with_leftover_noise": "enable"})
		second := advanced(model, first, map[string]any{"add_noise": "disable", "start_at_step": 2})
		a, b := valuesOf(t, h, whole.Samples), valuesOf(t, h, second.Samples)
		for i := range a {
			if d := math.Abs(float64(a[i] - b[i])); d > tolerance*(1+math.Abs(float64(a[i]))) {
				t.Fatalf("guided %t: value %d is %v in one run and %v in two", model == guided, i, a[i], b[i])
			}
		}
		if model == guided {
			if r := second.Reports[0]; len(r) != 2 || r[0].Step.Index != 2 || r[0].Step.Count != 4 {
				t.Errorf("the second half reports %d steps, the first as %d of %d", len(r), r[0].Step.Index, r[0].Step.Count)
			}
		}
		for _, none := range []map[string]any{{"start_at_step": 4}, {"end_at_step": 0}, {"start_at_step": 3, "end_at_step": 2}} {
			if got := advanced(model, first, none); !slices.Equal(valuesOf(t, h, got.Samples), valuesOf(t, h, first.Samples)) {
				t.Errorf("%v changes the latent", none)
			}
		}
	}
}

// TestAreasAreGuidedByTheWhole holds that guidance reads the conditioning for the whole picture and says so.
func TestAreasAreGuidedByTheWhole(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	bird := h.run("CLIPTextEncode", map[string]any{"text": "a bird", "clip": l.clip}).Values[0]
	area := h.run("ConditioningSetArea", map[string]any{"conditioning": bird, "width": 64, "height": 64, "x": 0, "y": 0, "strength": 1.0}).Values[0]
	both := h.run("ConditioningCombine", map[string]any{"conditioning_1": area, "conditioning_2": l.positive}).Values[0]
	guided := h.guided(l.model, map[string]any{"end": 1.0})
	size := h.run("EmptyLatentImage", map[string]any{"width": 96, "height": 64, "batch_size": 1}).Values[0]
	result := h.run("KSampler", h.sampling(l, map[string]any{"model": guided, "positive": both, "latent_image": size}))
	lines := strings.Join(result.UI["text"].([]string), "\n")
	if made := result.Values[0].(*Latent); len(made.Target.Classes) != 2 || made.Target.Classes[0].Name != "cat" {
		t.Errorf("guidance aimed at %+v", made.Target)
	}
	if !strings.Contains(lines, "of 2 conditionings guidance reads the first for the whole picture") {
		t.Errorf("the lines are %s", lines)
	}
	far := h.run("ConditioningSetArea", map[string]any{"conditioning": bird, "width": 64, "height": 64, "x": 960, "y": 0, "strength": 1.0}).Values[0]
	if _, err := h.try(t.Context(), "KSampler", h.sampling(l, map[string]any{"positive": far, "latent_image": size})); err == nil || !strings.Contains(err.Error(), "area") {
		t.Errorf("an area beyond the picture: %v", err)
	}
}

// TestLastLayer holds that an earlier layer gives another conditioning, also with a LoRA's text encoder, and -1 the model's own.
func TestLastLayer(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	encode := func(stop int) []float32 {
		clip := h.run("CLIPSetLastLayer", map[string]any{"clip": l.clip, "stop_at_clip_layer": stop}).Values[0]
		c := h.run("CLIPTextEncode", map[string]any{"clip": clip, "text": catsAndDog}).Values[0].(*Conditioning)
		return valuesOf(t, h, c.Encoded.Hidden)
	}
	own := valuesOf(t, h, l.positive.(*Conditioning).Encoded.Hidden)
	if !slices.Equal(encode(-1), own) {
		t.Error("the last layer is another one than the model's own")
	}
	if slices.Equal(encode(-2), own) {
		t.Error("the layer before gives the same")
	}
}
