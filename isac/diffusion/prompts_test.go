package diffusion

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
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
			got, err := p.EncodePrompts(comfyOptions(), prompt)
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
