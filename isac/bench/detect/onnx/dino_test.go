package onnx

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

func openDINO(t *testing.T, file string) detect.Detector {
	t.Helper()
	require(t)
	d, err := OpenGroundingDINO(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// The model's logits come from the text and the picture: what a word means decides what is found.
func TestGroundingDINOFindsWhatIsNamed(t *testing.T) {
	d := openDINO(t, "dino-fixed/model.onnx")
	picture := blank(150, 100)
	drawn := map[string]detect.Box{}
	for _, c := range []struct {
		word  string
		paint color.Color
		at    image.Rectangle
	}{{"cat", red, image.Rect(10, 20, 60, 80)}, {"dog", green, image.Rect(85, 10, 120, 60)}, {"sports ball", blue, image.Rect(100, 65, 140, 95)}} {
		paint(picture, c.at, c.paint)
		drawn[c.word] = box(float64(c.at.Min.X), float64(c.at.Min.Y), float64(c.at.Max.X), float64(c.at.Max.Y))
	}
	for word, want := range drawn {
		found, err := d.Detect(picture, []string{word})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 || found[0].Class != word || far(found[0].Box, want) > 3.2 { // two of the input's pixels
			t.Errorf("looking for a %s found %v, drawn at %v", word, found, want)
		}
		for _, f := range found {
			if f.Box.IoU(want) < 0.5 {
				t.Errorf("looking for a %s found %v, which is not the one at %v", word, f, want)
			}
		}
	}
	all, err := d.Detect(picture, []string{" Cat", "dog", "sports ball", "cat"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, f := range all {
		seen[f.Class]++
	}
	if !reflect.DeepEqual(seen, map[string]int{"cat": 2, "dog": 2, "sports ball": 2}) {
		t.Errorf("each with its copy, and the cat once though it was named twice: %v", seen)
	}
	if !slices.IsSortedFunc(all, func(a, b detect.Detection) int { return int(1000 * (b.Score - a.Score)) }) {
		t.Errorf("not the most certain first: %v", all)
	}
	if d.Name() != "grounding-dino" || d.Classes() != nil {
		t.Errorf("name %q, classes %v", d.Name(), d.Classes())
	}
	if found, err := d.Detect(picture, nil); err != nil || found != nil {
		t.Errorf("nothing to look for: %v, %v", found, err)
	}
}

func TestPrompt(t *testing.T) {
	w, err := openWordpiece("testdata/dino-fixed")
	if err != nil {
		t.Fatal(err)
	}
	d := &dino{tokenizer: w}
	const cls, sep, stop, a, an = 2, 3, 5, 9, 10
	for class, want := range map[string]prompt{
		"cat":         {ids: []int64{cls, a, 11, stop, sep}, from: 2, to: 3},
		"sports ball": {ids: []int64{cls, a, 13, 14, stop, sep}, from: 2, to: 4},
		"zebra":       {ids: []int64{cls, a, 16, 17, stop, sep}, from: 2, to: 4},
		"an":          {ids: []int64{cls, an, an, stop, sep}, from: 2, to: 3},
	} {
		if got, err := d.prompt(class); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v, want %v", class, got, err, want)
		}
	}
	for _, class := range []string{"", "unicorn", "cat. dog", "hot unicorn"} {
		if p, err := d.prompt(class); err == nil || !strings.Contains(err.Error(), "no tokens for it") {
			t.Errorf("%q: %v, error %v", class, p, err)
		}
	}
	d.text = 5
	if p, err := d.prompt("sports ball"); err == nil || !strings.Contains(err.Error(), "6 tokens, the model takes 5") {
		t.Errorf("%v, error %v", p, err)
	}
}

func TestGroundingDINOErrors(t *testing.T) {
	require(t)
	alone := filepath.Join(t.TempDir(), "deep", "alone.onnx")
	data, err := os.ReadFile("testdata/dino-fixed/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(alone), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, wants := range map[string][]string{
		"testdata/yolo.onnx": {"is no Grounding DINO that can be read", "input images is unknown", "there is no input pixel_values", "there is no input input_ids",
			"there is no output logits", "there is no output pred_boxes", "inputs images float [1 3 64 64] and outputs output0 float [1 7 24]"},
		alone:                   {"no vocab.txt and no tokenizer.json in " + filepath.Dir(alone) + " or "},
		"testdata/nothing.onnx": {"cannot open the detector's model"},
	} {
		d, err := OpenGroundingDINO(file)
		if err == nil {
			d.Close()
			t.Errorf("%s is accepted", file)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v has no %q", file, err, want)
			}
		}
	}
	d := openDINO(t, "dino-fixed/model.onnx")
	if _, err := d.Detect(blank(9, 9), []string{"cat", "unicorn"}); err == nil || !strings.Contains(err.Error(), `looking for "unicorn"`) {
		t.Errorf("error %v", err)
	}
	if _, err := d.Detect(nil, []string{"cat"}); err == nil {
		t.Error("no picture is accepted")
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Detect(blank(9, 9), []string{"cat"}); err == nil || !strings.Contains(err.Error(), "is closed") {
		t.Errorf("a closed detector: error %v", err)
	}
}
