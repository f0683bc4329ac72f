package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
)

// selecting gives ISACSelect's inputs for a short run, with some of them changed.
func (h *host) selecting(l loaded, change map[string]any) map[string]any {
	in := h.sampling(l, map[string]any{"candidates": json.Number("3"), "halving": false, "preset": "paper"})
	for name, v := range change {
		in[name] = v
	}
	return in
}

// TestSelectNode holds that what comes out is KSampler's latent of the seed that is told, that all candidates are told of, and that each step
// is progress.
func TestSelectNode(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	for _, preset := range []string{"paper", "typed"} {
		var progress []int
		h.env.Progress = func(value, _ int) { progress = append(progress, value) }
		r := h.run("ISACSelect", h.selecting(l, map[string]any{"preset": preset}))
		if !slices.Equal(progress, []int{1, 2, 3, 4}) {
			t.Errorf("%s: progress %v", preset, progress)
		}
		seed := r.Values[2].(uint64)
		plain := h.run("KSampler", h.sampling(l, map[string]any{"seed": json.Number(strconv.FormatUint(seed, 10))})).Values[0].(*Latent)
		if !slices.Equal(r.Values[0].(*Latent).Samples.Float32s(), plain.Samples.Float32s()) {
			t.Errorf("%s: it is not the latent of the seed %d", preset, seed)
		}
		var told struct {
			Images []diffusion.Choice
			Cost   diffusion.Cost
		}
		if err := json.Unmarshal([]byte(r.Values[1].(string)), &told); err != nil {
			t.Fatal(err)
		}
		choice := told.Images[0]
		if len(told.Images) != 1 || len(choice.Candidates) != 3 || choice.Candidates[choice.Chosen].Seed != seed || told.Cost.Evaluations != 3*4*2 {
			t.Errorf("%s: losses are %s", preset, r.Values[1])
		}
		for _, c := range choice.Candidates {
			if *c.Loss < *choice.Candidates[choice.Chosen].Loss {
				t.Errorf("%s: %d is chosen of %+v", preset, choice.Chosen, choice.Candidates)
			}
		}
		text := strings.Join(r.UI["text"].([]string), "\n")
		for _, want := range []string{"candidate 1, seed 11: loss", "candidate 3, seed 13: loss", "← chosen", "cost: 24 model evaluations, 3 times one run; kept: 1 after step 4"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not said in\n%s", preset, want, text)
			}
		}
		if n := len(r.UI["isac_candidates"].([]diffusion.Choice)); n != 1 {
			t.Errorf("%s: %d choices are shown", preset, n)
		}
	}
}

// TestSelectInputsArrive holds that options change what is chosen by, that halving drops candidates, that images of a batch are chosen apart,
// and that a guided model is guided in each candidate.
func TestSelectInputsArrive(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	losses := func(change map[string]any) string {
		return h.run("ISACSelect", h.selecting(l, change)).Values[1].(string)
	}
	plain := losses(nil)
	instances := h.run("ISACInstances", map[string]any{"text": catsAndDog, "override": "cat=4"}).Values[0]
	for name, change := range map[string]map[string]any{
		"preset": {"preset": "typed"}, "schedule": {"schedule": "B"}, "end": {"end": json.Number("0.5")}, "instances": {"instances": instances},
		"text": {"text": "a cat and a dog"}, "seed": {"seed": json.Number("4")}, "halving": {"halving": true}, "keep": {"halving": true, "keep": json.Number("0.9")},
	} {
		if losses(change) == plain {
			t.Errorf("%s changes nothing", name)
		}
	}
	r := h.run("ISACSelect", h.selecting(l, map[string]any{
		"halving": true, "latent_image": h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 2}).Values[0],
	}))
	text := strings.Join(r.UI["text"].([]string), "\n")
	for _, want := range []string{"image 2, candidate 1, seed 11", "dropped after step 2 of 4", "kept: 2 after step 2, 1 after step 4"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in\n%s", want, text)
		}
	}
	guided := h.run("ISACSelect", h.selecting(l, map[string]any{"model": h.guided(l.model, map[string]any{"end": 1.0})}))
	latent := guided.Values[0].(*Latent)
	if text := strings.Join(guided.UI["text"].([]string), "\n"); latent.Reports[0][0].Moves == 0 || !strings.Contains(text, "the model is guided") || !strings.Contains(text, "with a gradient") {
		t.Errorf("a guided model: %+v\n%s", latent.Reports[0][0], text)
	}
}

// TestSelectNothing holds that one run is made where nothing tells candidates apart, and said.
func TestSelectNothing(t *testing.T) {
	h := newHost(t, tinyFolder)
	for prompt, why := range map[string]string{"a dog": "one instance of one class", "the dusk": "nothing to choose by: one run of seed 11"} {
		l := h.load("tiny", prompt)
		r := h.run("ISACSelect", h.selecting(l, nil))
		plain := h.run("KSampler", h.sampling(l, nil)).Values[0].(*Latent)
		if text := strings.Join(r.UI["text"].([]string), "\n"); !strings.Contains(text, why) || r.Values[2] != uint64(11) {
			t.Errorf("%s: seed %v, and it says\n%s", prompt, r.Values[2], text)
		}
		if !slices.Equal(r.Values[0].(*Latent).Samples.Float32s(), plain.Samples.Float32s()) {
			t.Errorf("%s: it is another latent than KSampler's", prompt)
		}
	}
	l := h.load("tiny", catsAndDog)
	if r := h.run("ISACSelect", h.selecting(l, map[string]any{"denoise": json.Number("0")})); r.Values[2] != uint64(11) {
		t.Errorf("denoise 0: %v", r.Values)
	}
}

// TestSelectEnds holds that it ends with its context, and that mistakes are told together.
func TestSelectEnds(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h.env.Progress = func(int, int) { cancel() }
	if _, err := h.try(ctx, "ISACSelect", h.selecting(l, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	h.env.Progress = nil
	_, err := h.try(context.Background(), "ISACSelect", h.selecting(l, map[string]any{"candidates": json.Number("0"), "preset": "best", "end": json.Number("3")}))
	for _, want := range []string{"candidates", "preset", "end"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not have %q", err, want)
		}
	}
}
