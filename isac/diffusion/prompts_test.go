package diffusion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func comfyOptions() PromptOptions {
	return PromptOptions{Embeddings: clip.Embeddings{Folders: []string{filepath.Join(fixture.Dir("prompts"), "embeddings")}}}
}

// TestPromptsEqualComfyUI compares whole conditionings with ComfyUI's: weights, rows, embeddings of one and of several vectors, of the
// right width and of another.
func TestPromptsEqualComfyUI(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "prompts")
	var about struct{ States, Few []string }
	text, err := os.ReadFile(filepath.Join(f.Dir, "fixture.json"))
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	if err != nil || len(about.States) < 12 || len(about.Few) < 5 {
		t.Fatalf("%d and %d prompts, %v", len(about.States), len(about.Few), err)
	}
	for _, c := range []struct {
		family, folder string
		prompts        []string
		pooled         bool
	}{{"sd1", "tiny", about.States, false}, {"sd2", "tiny-sd2", about.Few, false}, {"sdxl", "tiny-sdxl", about.States, true}, {"sd3", "tiny-sd3", about.Few, true}} {
		p := load(t, fixture.Dir(c.folder), LoadOptions{})
		for i, prompt := range c.prompts {
			got, err := p.EncodePrompts(t.Context(), comfyOptions(), prompt)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			fixture.InScope(t, func() {
				name := fmt.Sprintf("%s.%d", c.family, i)
				want := f.Tensor(name + ".text")
				fixture.Near(t, fmt.Sprintf("%s.text %q", name, prompt), got.Hidden.Narrow(2, 0, want.Size(2)), want, 1e-4)
				if len(got.Spans) > int(want.Size(1)) {
					t.Errorf("%s: %d spans for %d positions", name, len(got.Spans), want.Size(1))
				}
				if c.pooled {
					f.Near(name+".pooled", got.Pooled, 1e-4)
				}
			})
		}
	}
}

// TestStopAtEqualsComfyUI compares conditionings of earlier layers with those that ComfyUI's CLIPSetLastLayer gives, also of a layer that the
// encoders do not have.
func TestStopAtEqualsComfyUI(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "prompts")
	for name, folder := range map[string]string{"sd1": "tiny", "sdxl": "tiny-sdxl"} {
		p := load(t, fixture.Dir(folder), LoadOptions{})
		for _, stop := range []int{-1, -2, -3, -24} {
			o := comfyOptions()
			o.StopAt = stop
			got, err := p.EncodePrompts(t.Context(), o, scene)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			fixture.InScope(t, func() {
				key := fmt.Sprintf("%s.stop%d.0", name, stop)
				want := f.Tensor(key + ".text")
				fixture.Near(t, key, got.Hidden.Narrow(2, 0, want.Size(2)), want, 1e-4)
				if name == "sdxl" {
					f.Near(key+".pooled", got.Pooled, 1e-4)
				}
			})
		}
	}
	if _, err := load(t, fixture.Dir("tiny"), LoadOptions{}).EncodePrompts(t.Context(), PromptOptions{StopAt: 2}, scene); err == nil {
		t.Error("a layer counted from the beginning is taken")
	}
}

// TestSidesOfOtherLengths holds that classifier-free guidance combines two prompts of unequal numbers of chunks as if each were
// alone: D = D₋ + cfg·(D₊ − D₋).
func TestSidesOfOtherLengths(t *testing.T) {
	torchtest.Require(t)
	for _, folder := range []string{"tiny", "tiny-sd3"} {
		p := load(t, fixture.Dir(folder), LoadOptions{})
		long, short := encode(t, p, "two cats "+strings.Repeat("and a dog ", 9)), encode(t, p, "")
		if long.Hidden.Size(1) <= short.Hidden.Size(1) {
			t.Fatal("both prompts have one chunk")
		}
		fixture.InScope(t, func() {
			x := torch.NewGenerator(3).Randn(2, int64(p.LatentChannels()), 8, 8)
			at := func(positive, negative Conditioning, cfg float64) torch.Tensor {
				r := &run{p: p, ctx: t.Context(), request: &SampleRequest{Positive: positive, Negative: negative, CFG: cfg}, plan: plan{shape: x.Shape(), part: 1}}
				d, err := newDenoiser(r)
				if err != nil {
					t.Fatal(err)
				}
				y, err := d.at(x, 0.7)
				if err != nil {
					t.Fatal(err)
				}
				return y
			}
			one, other := at(long, short, 1), at(short, long, 1)
			fixture.Near(t, folder+": long and short", at(long, short, 5), other.Add(one.Sub(other).MulScalar(5)), 1e-4)
			fixture.Near(t, folder+": short and long", at(short, long, 5), one.Add(other.Sub(one).MulScalar(5)), 1e-4)
		})
	}
}

// TestLaterChunksGuide holds that class tokens of the second chunk have a gradient, and that it is the one that they have where the
// chunks change places: attention knows no order of its keys.
func TestLaterChunksGuide(t *testing.T) {
	torchtest.Require(t)
	for _, folder := range []string{"tiny", "tiny-sdxl", "tiny-sd3"} {
		p := load(t, fixture.Dir(folder), LoadOptions{})
		c := encode(t, p, strings.Repeat("and of ", 11)+"two cats and a dog")
		length := c.Hidden.Size(1) / 2
		fixture.InScope(t, func() {
			swapped := c
			swapped.Hidden = torch.Cat([]torch.Tensor{c.Hidden.Narrow(1, length, length), c.Hidden.Narrow(1, 0, length)}, 1)
			x := torch.NewGenerator(3).Randn(1, int64(p.LatentChannels()), 8, 8)
			gradient := func(c Conditioning, moved int) torch.Tensor {
				g := guided(c, func(o *isac.Options) { o.Schedule = isac.ScheduleB })
				for i, class := range g.Target.Classes {
					if len(class.Tokens) != 1 || class.Tokens[0] <= int(length) {
						t.Fatalf("%s is at %v, want a place in the second chunk", class.Name, class.Tokens)
					}
					g.Target.Classes[i].Tokens = []int{class.Tokens[0] - moved}
				}
				s, err := guidance.Open(guidance.Config{Model: p.Conditional(c), Noise: p.Noise(), Method: g.Method, Target: g.Target})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				out, r, err := s.Gradient(x, guidance.Step{Count: 4, Sigma: 0.7})
				if err != nil || r.Skipped != "" || !(out.NormAll().Item() > 0) {
					t.Fatalf("%s: %+v, %v", folder, r, err)
				}
				return out
			}
			fixture.Near(t, folder+": gradient", gradient(c, 0), gradient(swapped, int(length)), 1e-3)
		})
	}
}

// TestHostsOfOtherLengths holds where words are in conditionings that a host made: of all chunks, of the first alone, and of more than
// the text has, as with another encoder's tokens behind.
func TestHostsOfOtherLengths(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny"), LoadOptions{})
	text := "(two cats:1.2) " + strings.Repeat("and ", 22) + "a dog"
	own := encode(t, p, text)
	fixture.InScope(t, func() {
		for positions, want := range map[int64]struct{ spans, dogs, notes int }{48: {48, 1, 1}, 24: {24, 0, 2}, 100: {48, 1, 1}} {
			c := p.HostConditioning(PromptOptions{}, text, torch.Ones([]int64{1, positions, 32}, torch.Float32, torch.CPU), torch.Tensor{})
			if len(c.Spans) != want.spans || len(tokens(c, "dog")) != want.dogs || len(c.Notes) != want.notes || !slices.Equal(tokens(c, "cats"), tokens(own, "cats")) {
				t.Errorf("%d positions: %d spans, dog at %v, cats at %v, notes %q", positions, len(c.Spans), tokens(c, "dog"), tokens(c, "cats"), c.Notes)
			}
		}
		if c := p.HostConditioning(PromptOptions{}, text, torch.Ones([]int64{3}, torch.Float32, torch.CPU), torch.Tensor{}); len(c.Spans) != 0 {
			t.Errorf("a conditioning of another shape has %d spans", len(c.Spans))
		}
	})
}

// TestVeryLongPrompts holds that a prompt of very many chunks can be stopped, and that its memory is asked for before it is taken.
func TestVeryLongPrompts(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny"), LoadOptions{})
	text := strings.Repeat("a cat ", 1500)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	before := torch.LiveHandles()
	if _, err := p.EncodePrompts(stopped, PromptOptions{}, text); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	p.maxMemory = 1 << 20
	var short *MemoryError
	if _, err := p.EncodePrompt(text); !errors.As(err, &short) || !strings.Contains(short.What, "a prompt of 137 chunks") {
		t.Errorf("%v, want a *MemoryError", err)
	}
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors are left", left)
	}
	p.maxMemory = 0
	c := encode(t, p, text)
	if c.Hidden.Size(1) != 137*24 || len(c.Spans) != 137*24 {
		t.Errorf("%d positions, %d spans, want those of 137 chunks", c.Hidden.Size(1), len(c.Spans))
	}
}
