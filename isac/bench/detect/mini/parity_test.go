package mini

import (
	"encoding/binary"
	"encoding/json"
	"image"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

const folder = "../../../../examples/mini/detector"

// sheet is what examples/mini/detector_fixture.py wrote: held-out scenes, what is on them, and what the Python detectors see.
type sheet struct {
	Row, Side int
	Raw       struct{ Pictures, Every int }
	Truths    [][]detect.Detection
	Found     map[string][][]detect.Detection
	Exact     map[string]float64

	picture interface {
		SubImage(image.Rectangle) image.Image
	}
}

func readSheet(t *testing.T) *sheet {
	t.Helper()
	text, err := os.ReadFile("testdata/sheet.json")
	if err != nil {
		t.Fatal(err)
	}
	var s sheet
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/sheet.png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	s.picture = picture.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if len(s.Truths) != s.Row*s.Row || len(s.Truths) < 64 {
		t.Fatalf("%d pictures on the sheet", len(s.Truths))
	}
	return &s
}

// cut gives picture i of the sheet; its bounds do not begin at (0,0).
func (s *sheet) cut(i int) image.Image {
	x, y := i%s.Row*s.Side, i/s.Row*s.Side
	return s.picture.SubImage(image.Rect(x, y, x+s.Side, y+s.Side))
}

func openBoth(t *testing.T) []detect.Detector {
	t.Helper()
	torchtest.Require(t)
	both, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, d := range both {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return both
}

func TestRawAnswersAreThoseOfPython(t *testing.T) {
	both, s := openBoth(t), readSheet(t)
	file, err := weights.Open(filepath.Join("testdata", "raw.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, d := range both {
		shape, _ := file.Shape(d.Name())
		data, err := file.Bytes(d.Name())
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, len(data)/4)
		if _, err := binary.Decode(data, binary.LittleEndian, want); err != nil {
			t.Fatal(err)
		}
		if len(shape) != 2 || shape[0] != int64(s.Raw.Pictures) || s.Raw.Pictures < 12 {
			t.Fatalf("%s: raw answers of shape %v", d.Name(), shape)
		}
		worst := 0.0
		for i := range s.Raw.Pictures {
			g, err := d.(*detector).answer(planes(s.cut(i), s.Side))
			if err != nil {
				t.Fatal(err)
			}
			row := want[i*int(shape[1]) : (i+1)*int(shape[1])]
			if n := (len(g.values) + s.Raw.Every - 1) / s.Raw.Every; n != len(row) {
				t.Fatalf("%s: %d numbers, Python has %d", d.Name(), n, len(row))
			}
			for k, w := range row {
				worst = max(worst, math.Abs(float64(g.values[k*s.Raw.Every]-w))/max(1, math.Abs(float64(w))))
			}
		}
		if !(worst < 1e-4) {
			t.Errorf("%s: raw answers differ by up to %g", d.Name(), worst)
		}
	}
}

func TestDetectionsAndAccuracyAreThoseOfPython(t *testing.T) {
	both, s := openBoth(t), readSheet(t)
	exact := map[string]int{}
	for i, truth := range s.Truths {
		found := map[string][]detect.Detection{}
		for _, d := range both {
			seen, err := d.Detect(s.cut(i), d.Classes())
			if err != nil {
				t.Fatal(err)
			}
			found[d.Name()] = seen
			same(t, i, d.Name(), seen, s.Found[d.Name()][i])
			exact[d.Name()] += score(seen, truth)
		}
		// The bench's own Agree, not a copy of Python's: on such scenes the two have to come to the same objects.
		agreed := detect.Agree(found, 0.5)
		same(t, i, "agreed", agreed, s.Found["agreed"][i])
		exact["agreed"] += score(agreed, truth)
	}
	for name, want := range s.Exact {
		if got := float64(exact[name]) / float64(len(s.Truths)); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.4f of the pictures are exactly right, Python got %.4f", name, got, want)
		}
		if want < 0.85 {
			t.Errorf("%s: only %.2f of the pictures are exactly right: train the detectors anew", name, want)
		}
	}
}

// same compares detections as sets, for two of nearly one score may change places.
func same(t *testing.T, picture int, name string, got, want []detect.Detection) {
	t.Helper()
	missing := 0
	for _, w := range want {
		hit := false
		for _, g := range got {
			hit = hit || g.Class == w.Class && math.Abs(g.Score-w.Score) < 1e-4 && apart(g.Box, w.Box) < 1e-2
		}
		if !hit {
			missing++
		}
	}
	if missing > 0 || len(got) != len(want) {
		t.Errorf("picture %d, %s:\n got %v\nwant %v", picture, name, got, want)
	}
	for k := 1; k < len(got); k++ {
		if got[k].Score > got[k-1].Score {
			t.Errorf("picture %d, %s: not the most certain first: %v", picture, name, got)
		}
	}
}

func apart(a, b detect.Box) float64 {
	return max(math.Abs(a.X0-b.X0), math.Abs(a.Y0-b.Y0), math.Abs(a.X1-b.X1), math.Abs(a.Y1-b.Y1))
}

// score is 1 where every object is found, of its class and with IoU ≥ .5, and nothing else. Objects of a truth hardly overlap, so
// that pairing each with any is enough.
func score(found, truth []detect.Detection) int {
	if len(found) != len(truth) {
		return 0
	}
	taken := make([]bool, len(found))
next:
	for _, w := range truth {
		for k, f := range found {
			if !taken[k] && f.Class == w.Class && f.Box.IoU(w.Box) >= 0.5 {
				taken[k] = true
				continue next
			}
		}
		return 0
	}
	return 1
}
