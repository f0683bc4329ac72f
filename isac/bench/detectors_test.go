package bench

import (
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// scripted is a detector that sees what it is told, and notes what it was asked for.
type scripted struct {
	name    string
	classes []string
	sees    []string
	asked   []string
}

func (s *scripted) Name() string      { return s.name }
func (s *scripted) Classes() []string { return s.classes }
func (s *scripted) Close() error      { return nil }
func (s *scripted) Detect(_ image.Image, classes []string) (found []detect.Detection, _ error) {
	s.asked = slices.Clone(classes)
	for _, c := range s.sees {
		if slices.Contains(classes, c) {
			found = append(found, detect.Detection{Class: c, Score: 1})
		}
	}
	return found, nil
}

func TestCommonClasses(t *testing.T) {
	any, first, second := &scripted{}, &scripted{classes: []string{"dog", "cat", "cow"}}, &scripted{classes: []string{"cow", "cat", "zebra"}}
	if got := commonClasses([]detect.Detector{any}); got != nil {
		t.Errorf("of a detector that takes any word: %q", got)
	}
	if got := commonClasses([]detect.Detector{any, first, second}); !slices.Equal(got, []string{"cat", "cow"}) {
		t.Errorf("%q", got)
	}
	if got := commonClasses([]detect.Detector{first, &scripted{classes: []string{"kite"}}}); got == nil || len(got) != 0 {
		t.Errorf("of detectors with nothing in common: %v", got)
	}
}

// A detector that takes any word is asked for what is wanted and what the others saw: for no more, because each class costs a
// pass, and for no less, because it has to confirm what nobody asked for.
func TestLook(t *testing.T) {
	closed := &scripted{name: "closed", classes: []string{"cat", "cow", "dog"}, sees: []string{"cow"}}
	open := &scripted{name: "open", sees: []string{"cow", "dog"}}
	found, err := detectAll([]detect.Detector{open, closed}, nil, []string{"cat", "cow", "dog", "zebra"}, []string{"cat"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"cat", "cow", "dog", "zebra"}; !slices.Equal(closed.asked, want) {
		t.Errorf("the closed one is asked for %q", closed.asked)
	}
	if want := []string{"cat", "cow"}; !slices.Equal(open.asked, want) {
		t.Errorf("the open one is asked for %q", open.asked)
	}
	if len(found["closed"]) != 1 || len(found["open"]) != 1 {
		t.Errorf("%v", found)
	}
	closed.sees, open.sees = nil, nil
	found, err = detectAll([]detect.Detector{open, closed}, nil, nil, []string{"cat"})
	if err != nil || found["open"] == nil || found["closed"] == nil {
		t.Errorf("who saw nothing has looked all the same: %#v, %v", found, err)
	}
}

func TestDistinct(t *testing.T) {
	all := distinct([]detect.Detector{&scripted{name: "a"}, &scripted{name: "b"}, &scripted{name: "a"}, &scripted{name: "a"}})
	var names []string
	for _, d := range all {
		names = append(names, d.Name())
	}
	if want := []string{"a", "b", "a-2", "a-3"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

func TestOpenDetectorsRefuses(t *testing.T) {
	_, err := OpenDetectors([]string{"detr:x.onnx", "mini", "yolo:", "mini:/nowhere", "mini:x@cuda:1"})
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{`"detr:x.onnx"`, `detector "mini":`, `"yolo:"`, "/nowhere", "run on the cpu", "expected one of mini:DIR"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it is not said %q: %v", want, err)
		}
	}
}

func TestSplitSpec(t *testing.T) {
	for spec, want := range map[string][3]string{
		"yolo:a/b.onnx":        {"yolo", "a/b.onnx", ""},
		"yolo:a/b.onnx@cuda:3": {"yolo", "a/b.onnx", "3"},
		"dino:C:/x.onnx@cuda":  {"dino", "C:/x.onnx", "0"},
		"mini:me@home":         {"mini", "me@home", ""},
	} {
		kind, path, gpu, err := splitSpec(spec)
		if got := [3]string{kind, path, gpu}; err != nil || got != want {
			t.Errorf("%s: %q, %v", spec, got, err)
		}
	}
}
