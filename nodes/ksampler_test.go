package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/prompt"
)

// TestSamplerInputsArrive holds that KSampler runs what its inputs say: the latent of the pipeline that is asked for the same, and another
// one for each input that is changed.
func TestSamplerInputsArrive(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	start := h.run("KSampler", h.sampling(l, nil)).Values[0].(*Latent)
	other := h.run("CLIPTextEncode", map[string]any{"text": "a dog", "clip": l.clip}).Values[0].(*Conditioning)
	direct := func(change func(*diffusion.SampleRequest)) []float32 {
		r := diffusion.SampleRequest{
			Positive: l.positive.(*Conditioning).Encoded, Negative: l.negative.(*Conditioning).Encoded, Latent: start.Samples,
			Steps: 4, CFG: 3, Sampler: "euler", Scheduler: "normal", Seed: 11, Denoise: 1,
		}
		change(&r)
		var values []float32
		err := h.exec.Do(context.Background(), func() error {
			latent, _, err := l.model.(*Model).Pipeline().Sample(context.Background(), r)
			if err != nil {
				return err
			}
			defer latent.Close()
			values = latent.Float32s()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	plain := direct(func(*diffusion.SampleRequest) {})
	for name, c := range map[string]struct {
		value  any
		change func(*diffusion.SampleRequest)
	}{
		"seed":         {json.Number("12"), func(r *diffusion.SampleRequest) { r.Seed = 12 }},
		"steps":        {json.Number("5"), func(r *diffusion.SampleRequest) { r.Steps = 5 }},
		"cfg":          {json.Number("5.5"), func(r *diffusion.SampleRequest) { r.CFG = 5.5 }},
		"sampler_name": {"dpmpp_2m", func(r *diffusion.SampleRequest) { r.Sampler = "dpmpp_2m" }},
		"scheduler":    {"karras", func(r *diffusion.SampleRequest) { r.Scheduler = "karras" }},
		"denoise":      {json.Number("0.6"), func(r *diffusion.SampleRequest) { r.Denoise = 0.6 }},
		"positive":     {other, func(r *diffusion.SampleRequest) { r.Positive = other.Encoded }},
		"negative":     {other, func(r *diffusion.SampleRequest) { r.Negative = other.Encoded }},
	} {
		got := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": start, name: c.value})).Values[0].(*Latent).Samples.Float32s()
		if want := direct(c.change); !slices.Equal(got, want) || slices.Equal(want, plain) {
			t.Errorf("%s = %v gives another latent than the pipeline, or changes nothing", name, c.value)
		}
	}
}

// TestSizesAreFloored: what the model's factor does not divide is floored as ComfyUI floors it, and said.
func TestSizesAreFloored(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	factor := l.model.(*Model).Pipeline().Factor()
	size := func(extra int) map[string]any {
		n := json.Number(strconv.Itoa(8*factor + extra))
		return map[string]any{"latent_image": h.run("EmptyLatentImage", map[string]any{"width": n, "height": json.Number(strconv.Itoa(16 * factor)), "batch_size": json.Number("1")}).Values[0]}
	}
	even, odd := h.run("KSampler", h.sampling(l, size(0))), h.run("KSampler", h.sampling(l, size(factor-1)))
	if !slices.Equal(even.Values[0].(*Latent).Samples.Float32s(), odd.Values[0].(*Latent).Samples.Float32s()) {
		t.Error("a size between two gives another latent than the smaller one")
	}
	lines, _ := odd.UI["text"].([]string)
	if text := strings.Join(lines, "\n"); !strings.Contains(text, fmt.Sprintf("%d×%d pixels become %d×%d", 9*factor-1, 16*factor, 8*factor, 16*factor)) {
		t.Errorf("shows %q", text)
	}
	if picture := h.run("VAEDecode", map[string]any{"samples": size(factor - 1)["latent_image"], "vae": l.vae}); len(picture.Values) != 1 {
		t.Error("an empty latent of such a size is not decoded")
	}
}

// TestDenoiseOfNothing holds that what comes back is a latent of its own.
func TestDenoiseOfNothing(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	start := h.run("KSampler", h.sampling(l, nil)).Values[0].(*Latent)
	same := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": start, "denoise": json.Number("0.0")})).Values[0].(*Latent)
	if same == start || same.Samples == start.Samples || !slices.Equal(same.Samples.Float32s(), start.Samples.Float32s()) {
		t.Error("denoise 0 gives no copy of the latent")
	}
}

// TestNotesOfBothPrompts holds that the chunks of each prompt are shown under its name.
func TestNotesOfBothPrompts(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", strings.Repeat("cat ", 30))
	l.negative = h.run("CLIPTextEncode", map[string]any{"text": strings.Repeat("dog ", 40), "clip": l.clip}).Values[0]
	lines, _ := h.run("KSampler", h.sampling(l, nil)).UI["text"].([]string)
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "positive: the prompt has 30 tokens") || !strings.HasPrefix(lines[1], "negative: the prompt has 40 tokens") {
		t.Errorf("shows %q", lines)
	}
}

// TestAimReadsPlacesInThePositivePrompt holds that what to aim at stands where the positive prompt has it, wherever it was read from.
func TestAimReadsPlacesInThePositivePrompt(t *testing.T) {
	const positive = "a dog beside two cats"
	instances := prompt.Parse("two cats")
	for name, a := range map[string]*aim{"instances": {instances: &instances}, "a text": {text: "two cats"}, "both": {instances: &instances, text: "a dog"}} {
		got, err := a.read(positive)
		if err != nil || len(got.Phrases) != 1 || got.Phrases[0].Start != strings.Index(positive, "cats") || got.Prompt != positive {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestSizesOfSDXL holds where each input goes, and that texts which differ are noted.
func TestSizesOfSDXL(t *testing.T) {
	h := familyHost(t)
	l := h.load(familyFolders["sdxl"], "")
	in := map[string]any{"clip": l.clip, "width": 1, "height": 2, "crop_w": 3, "crop_h": 4, "target_width": 5, "target_height": 6, "text_g": "a cat", "text_l": "a cat"}
	c := h.run("CLIPTextEncodeSDXL", in).Values[0].(*Conditioning).Encoded
	if want := (family.Sizes{Width: 1, Height: 2, Left: 3, Top: 4, TargetWidth: 5, TargetHeight: 6}); *c.Sizes != want || len(c.Notes) != 0 {
		t.Errorf("sizes %+v, want %+v; notes %q", *c.Sizes, want, c.Notes)
	}
	in["text_g"] = "two cats"
	if c = h.run("CLIPTextEncodeSDXL", in).Values[0].(*Conditioning).Encoded; c.Prompt != "a cat" || len(c.Notes) != 1 {
		t.Errorf("of two texts guidance reads %q, notes %q", c.Prompt, c.Notes)
	}
}
