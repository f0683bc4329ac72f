package explain

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/graphic"
	"github.com/isac-guidance/isac/isac/guidance"
)

// chosen are n made-up candidates, of which one is chosen.
func chosen(n, at int) *Candidates {
	c := &Candidates{Prompt: "A photo of two cats and a dog.", Settings: "synthetic", Cost: diffusion.Cost{Evaluations: 64}}
	c.Choice.Chosen, c.Choice.Cuts = at, []guidance.Cut{{After: 2, Keep: 2}, {After: 4, Keep: 1}}
	for i := range n {
		loss := 3 + float64(i)
		one := diffusion.Candidate{Seed: uint64(7 + i), Loss: &loss, Measured: 2, Steps: 2, Losses: []float64{2, 1 + float64(i)}}
		if i == at {
			one.Steps = 8
		}
		c.Choice.Candidates = append(c.Choice.Candidates, one)
		c.Images = append(c.Images, flat(16, color.NRGBA{uint8(20 * i), 200, 120, 255}))
	}
	return c
}

// TestStrip holds that the chosen candidate, and no other, is framed, in one row and in several, and that what cannot be drawn is an error.
func TestStrip(t *testing.T) {
	framed := func(img *image.RGBA) (bars int) {
		blue := 0
		for y := range img.Rect.Dy() {
			run := 0
			for x := range img.Rect.Dx() {
				if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) == graphic.Blue.R && uint8(g>>8) == graphic.Blue.G && uint8(b>>8) == graphic.Blue.B {
					if run++; run == stripTile { // a side of the frame
						blue++
					}
					continue
				}
				run = 0
			}
		}
		return blue
	}
	heights := []int{}
	for _, n := range []int{1, 8, 9, 20} {
		img, err := Strip(chosen(n, n-1))
		if err != nil {
			t.Fatal(err)
		}
		if got := framed(img); got != 2*(stripFrame-2) {
			t.Errorf("%d candidates: %d lines of a frame, want those of one", n, got)
		}
		heights = append(heights, img.Rect.Dy())
	}
	if !(heights[0] <= heights[1] && heights[1] < heights[2] && heights[2] < heights[3]) {
		t.Errorf("heights are %v, want one, two and three rows", heights)
	}
	one := chosen(1, 0)
	one.Choice.Reason, one.Choice.Candidates[0].Loss, one.Choice.Candidates[0].Losses = "one instance", nil, nil
	if img, err := Strip(one); err != nil || img.Rect.Dy() >= heights[0] {
		t.Errorf("where nothing was chosen there is a plot: %v", err)
	}
	for name, c := range map[string]*Candidates{"none": {}, "a choice that is none": chosen(3, 0)} {
		if c.Choice.Chosen = len(c.Images); c.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestCandidatesOfTheMiniModel holds that the pictures are those of the seeds, that the numbers are written down, and that a run ends with its
// context.
func TestCandidatesOfTheMiniModel(t *testing.T) {
	p := loadMini(t)
	r := request()
	method := isac.SelectPaper()
	method.Candidates = 3
	r.Method, r.Preset, r.Shown = method, "paper", nil
	var heard []int
	r.Progress = func(done, all int) { heard = append(heard, done, all) }
	c, err := Choose(context.Background(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(heard, []int{1, 4, 2, 4, 3, 4, 4, 4}) {
		t.Errorf("progress is %v", heard)
	}
	for i, picture := range c.Images {
		plain := request()
		plain.Seed, plain.Shown = r.Seed+uint64(i), []int{3}
		want, err := Sample(context.Background(), p, plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := mustEncode(t, picture), mustEncode(t, want.Plain.Image); !slices.Equal(got, want) {
			t.Errorf("candidate %d is not the picture of its seed", i)
		}
	}
	dir := t.TempDir()
	paths, err := WriteCandidates(context.Background(), dir, c)
	if err != nil || len(paths) != 3 {
		t.Fatalf("%v, %v", paths, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "candidates.json"))
	var told struct {
		Settings   string
		Chosen     int
		Candidates []diffusion.Candidate
		Cost       diffusion.Cost
	}
	if err == nil {
		err = json.Unmarshal(data, &told)
	}
	if err != nil || len(told.Candidates) != 3 || told.Chosen != c.Choice.Chosen || told.Cost.Evaluations != 3*4*2 || !strings.Contains(told.Settings, "isac_ls paper · 3 candidates") {
		t.Errorf("%v: %s", err, data)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Choose(ctx, p, r); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
	if _, err := Sample(context.Background(), p, r); !errors.Is(err, ErrRequest) {
		t.Errorf("two runs of a method that chooses: %v", err)
	}
	if _, err := Choose(context.Background(), p, request()); !errors.Is(err, ErrRequest) {
		t.Errorf("candidates of a method that chooses nothing: %v", err)
	}
	r.Prompt = "A photo of a dog."
	if c, err := Choose(context.Background(), p, r); err != nil || len(c.Images) != 1 || c.Images[0] == nil || c.Choice.Reason == "" {
		t.Errorf("one dog: %+v, %v", c, err)
	}
}

func mustEncode(t *testing.T, img image.Image) []byte {
	t.Helper()
	data, err := encode(img)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
