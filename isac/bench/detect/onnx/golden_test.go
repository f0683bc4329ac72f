package onnx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// What is wanted here was computed in Python, from the picture to the boxes.
func TestGolden(t *testing.T) {
	require(t)
	detectors := map[string]detect.Detector{}
	for _, c := range readGolden(t).Cases {
		d := detectors[c.Model]
		if d == nil {
			var err error
			switch {
			case strings.HasPrefix(c.Model, "dino"):
				d, err = OpenGroundingDINO("testdata/" + c.Model)
			case c.Model == "yolo-dynamic.onnx":
				d, err = OpenYOLO("testdata/"+c.Model, []string{"Cat", " dog ", "sports ball"})
			default:
				d, err = OpenYOLO("testdata/"+c.Model, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			detectors[c.Model] = d
		}
		got, err := d.Detect(readPicture(t, "pictures/"+c.Picture+".png"), c.Wanted)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprintf("%s in %s, wanted %v", c.Model, c.Picture, c.Wanted), got, c.Found)
	}
	if len(detectors) != 7 {
		t.Errorf("%d models were tried, want 7", len(detectors))
	}
}
