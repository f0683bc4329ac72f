package onnx

import (
	"math"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

func box(x0, y0, x1, y1 float64) detect.Box { return detect.Box{X0: x0, Y0: y0, X1: x1, Y1: y1} }

// columns writes boxes (cx, cy, w, h and a score per class) as a head does, one column each.
func columns(rows ...[]float32) tensor {
	t := tensor{shape: []int64{1, int64(len(rows[0])), int64(len(rows))}}
	for i := range rows[0] {
		for _, row := range rows {
			t.data = append(t.data, row[i])
		}
	}
	return t
}

func TestDecodeColumns(t *testing.T) {
	nan := float32(math.NaN())
	y := &yolo{model: &model{}, words: []string{"cat", "dog"}}
	got, err := y.decode(columns(
		[]float32{10, 20, 4, 6, 0.5, 0.1},
		[]float32{10, 20, 4, 6, 0.1, 0.75}, // another class in the same place stays
		[]float32{10, 20, 4, 5, 0.4, 0},    // 20/24 of the first: goes
		[]float32{10, 20, 4, 4, 0.4, 0},    // 16/24 of the first: stays
		[]float32{50, 50, 2, 2, 0.25, 0.2}, // must be above the threshold
		[]float32{60, 50, 2, 2, nan, nan},
		[]float32{70, 50, 2, 2, nan, 1.5}, // a score is at most 1
	))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "columns", got, []detect.Detection{
		{Class: "dog", Score: 1, Box: box(69, 49, 71, 51)},
		{Class: "dog", Score: 0.75, Box: box(8, 17, 12, 23)},
		{Class: "cat", Score: 0.5, Box: box(8, 17, 12, 23)},
		{Class: "cat", Score: 0.4, Box: box(8, 18, 12, 22)},
	})
}

func TestDecodeRows(t *testing.T) {
	y := &yolo{model: &model{}, words: []string{"cat", "dog"}, endToEnd: true}
	// Six numbers a detection, and two for a mask.
	out := tensor{shape: []int64{1, 4, 8}, data: []float32{
		1, 2, 3, 4, 0.5, 1, 9, 9,
		1, 2, 3, 4, 0.5, 0, 9, 9, // nothing is suppressed
		5, 6, 7, 8, 0.9, 0, 9, 9,
		0, 0, 0, 0, 0, 0, 0, 0,
	}}
	// A model that leaves its axes open and says nothing of itself is known by its six numbers.
	for _, other := range []*yolo{y, {model: &model{}, words: y.words}} {
		if got, err := other.decode(tensor{shape: []int64{1, 2, 6}, data: make([]float32, 12)}); err != nil || len(got) != 0 {
			t.Errorf("two empty rows of six: %v, %v", got, err)
		}
	}
	got, err := y.decode(out)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "rows", got, []detect.Detection{
		{Class: "cat", Score: 0.9, Box: box(5, 6, 7, 8)},
		{Class: "dog", Score: 0.5, Box: box(1, 2, 3, 4)},
		{Class: "cat", Score: 0.5, Box: box(1, 2, 3, 4)},
	})
}

func TestDecodeKeepsTheBest300(t *testing.T) {
	y := &yolo{model: &model{}, words: []string{"cat"}}
	var rows [][]float32
	for i := range 400 {
		rows = append(rows, []float32{float32(10 * i), 5, 4, 4, 0.3 + float32(i)/1000})
	}
	got, err := y.decode(columns(rows...))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 300 || got[0].Box.X0 != 3988 || got[299].Box.X0 != 998 {
		t.Errorf("%d detections, from %v to %v", len(got), got[0], got[len(got)-1])
	}
}

func TestDecodeErrors(t *testing.T) {
	words := []string{"cat", "dog"}
	for name, c := range map[string]struct {
		y    *yolo
		out  tensor
		want string
	}{
		"axes":    {&yolo{model: &model{}, words: words}, tensor{shape: []int64{1, 6}}, "shape [1 6], expected [1 4+C N] or [1 N 6]"},
		"batch":   {&yolo{model: &model{}, words: words}, tensor{shape: []int64{2, 6, 1}}, "shape [2 6 1]"},
		"classes": {&yolo{model: &model{}, words: words}, tensor{shape: []int64{1, 84, 1}}, "room for 80 class scores, but there are 2 class names"},
		"row":     {&yolo{model: &model{}, words: words, endToEnd: true}, tensor{shape: []int64{1, 1, 5}, data: make([]float32, 5)}, "5 numbers for a detection, expected 6"},
		"class":   {&yolo{model: &model{}, words: words, endToEnd: true}, tensor{shape: []int64{1, 1, 6}, data: []float32{0, 0, 1, 1, 1, 2}}, "class index 2, but there are 2 class names"},
	} {
		if got, err := c.y.decode(c.out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, error %v, want one with %q", name, got, err, c.want)
		}
	}
}

// The metadata are those that Ultralytics writes. In a segmentation model 300 rows of 38 might be 264 numbers for masks.
func TestEndToEndIsTold(t *testing.T) {
	for _, c := range []struct {
		metadata map[string]string
		shape    []int64
		want     bool
	}{
		{map[string]string{"end2end": "True"}, []int64{1, 300, 6}, true},
		{map[string]string{"end2end": "True", "task": "segment"}, []int64{1, 300, 38}, true},
		{map[string]string{"args": "{'batch': 1, 'nms': True}", "task": "segment"}, []int64{1, 300, 38}, true},
		{map[string]string{"args": "{'batch': 1, 'nms': False}", "end2end": "False"}, []int64{1, 6, 8400}, false},
		{nil, []int64{1, 300, 6}, true},
		{nil, []int64{1, 6, -1}, false},
		{nil, []int64{-1, -1, -1}, false},
	} {
		y := &yolo{model: &model{metadata: c.metadata}}
		if err := y.label([]string{"cat", "dog"}, c.shape); err != nil || y.endToEnd != c.want {
			t.Errorf("%v %v: end to end %v, %v, want %v", c.metadata, c.shape, y.endToEnd, err, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	d := openYOLO(t, "yolo-dynamic.onnx", []string{"cat", "dog", "sports ball"}).(*yolo)
	for text, want := range map[string][2]int{"[64, 96]": {64, 96}, "320": {320, 320}, "(32,64)": {32, 64}} {
		d.metadata["imgsz"] = text
		if err := d.size(); err != nil || d.height != want[0] || d.width != want[1] {
			t.Errorf("imgsz %q: %d×%d, %v, want %v (height, width)", text, d.height, d.width, err, want)
		}
	}
	for _, text := range []string{"", "[]", "[0, 64]", "[1, 2, 3]", "large"} {
		d.metadata["imgsz"] = text
		if err := d.size(); err == nil {
			t.Errorf("imgsz %q is accepted", text)
		}
	}
	delete(d.metadata, "imgsz")
	if err := d.size(); err != nil || d.height != 640 || d.width != 640 {
		t.Errorf("without imgsz: %d×%d, %v, want 640×640", d.height, d.width, err)
	}
}
