package bench

import (
	"errors"
	"fmt"
	"image"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/detect/mini"
	"github.com/isac-guidance/isac/isac/bench/detect/onnx"
)

// detectorKinds say how the detectors of a spec are opened, by the spec's kind.
var detectorKinds = []struct {
	name, place string
	open        func(path string, gpu []onnx.Option) ([]detect.Detector, error)
}{
	{"mini", "DIR", func(path string, gpu []onnx.Option) ([]detect.Detector, error) {
		if len(gpu) > 0 {
			return nil, errors.New("the mini model's detectors run on the cpu: leave out what follows @")
		}
		return mini.Open(path)
	}},
	{"yolo", "FILE.onnx[@cuda:N]", func(path string, gpu []onnx.Option) ([]detect.Detector, error) {
		return one(onnx.OpenYOLO(path, nil, gpu...))
	}},
	{"dino", "FILE.onnx[@cuda:N]", func(path string, gpu []onnx.Option) ([]detect.Detector, error) {
		return one(onnx.OpenGroundingDINO(path, gpu...))
	}},
}

// specPattern takes a spec apart: kind, path, and the number of a GPU.
var specPattern = regexp.MustCompile(`^([a-z]+):(.+?)(?:@cuda(?::(\d+))?)?$`)

// splitSpec takes a spec apart; gpu is "" for the CPU.
func splitSpec(spec string) (kind, path, gpu string, err error) {
	m := specPattern.FindStringSubmatch(spec)
	if m == nil {
		return "", "", "", badSpec()
	}
	if m[3] == "" && strings.HasSuffix(spec, "@cuda") {
		m[3] = "0"
	}
	return m[1], m[2], m[3], nil
}

func badSpec() error {
	var known []string
	for _, k := range detectorKinds {
		known = append(known, k.name+":"+k.place)
	}
	return fmt.Errorf("expected one of %s", strings.Join(known, ", "))
}

func one(d detect.Detector, err error) ([]detect.Detector, error) {
	if err != nil {
		return nil, err
	}
	return []detect.Detector{d}, nil
}

// OpenDetectors opens the detectors of some specs:
//
//	mini:DIR        both detectors of the mini model's scenes, in DIR; they run in libtorch
//	yolo:FILE.onnx  a YOLO (v8 to v12, YOLOE with fixed classes), in ONNX Runtime
//	dino:FILE.onnx  a Grounding DINO, one class a pass, with its vocab.txt beside it
//
// @cuda:N has ONNX Runtime compute on a GPU, @cuda alone on the first. Of several with one name the later ones get a number. All that cannot be opened are named in one error, and none is left open
// then. The caller closes them.
func OpenDetectors(specs []string) ([]detect.Detector, error) {
	var all []detect.Detector
	var errs []error
	for _, spec := range specs {
		found, err := openSpec(spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("detector %q: %w", spec, err))
			continue
		}
		all = append(all, found...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, closeDetectors(all))
	}
	return distinct(all), nil
}

func openSpec(spec string) ([]detect.Detector, error) {
	kind, path, gpu, err := splitSpec(spec)
	if err != nil {
		return nil, err
	}
	var options []onnx.Option
	if gpu != "" {
		n, err := strconv.Atoi(gpu)
		if err != nil {
			return nil, err
		}
		options = append(options, onnx.CUDA(n))
	}
	for _, k := range detectorKinds {
		if k.name == kind {
			return k.open(path, options)
		}
	}
	return nil, badSpec()
}

func closeDetectors(all []detect.Detector) error {
	var errs []error
	for _, d := range all {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}

// renamed is a detector under another name.
type renamed struct {
	detect.Detector
	name string
}

func (r renamed) Name() string { return r.name }

// distinct gives detectors of one name numbers from the second on, because records tell them apart by name.
func distinct(all []detect.Detector) []detect.Detector {
	times := map[string]int{}
	for i, d := range all {
		times[d.Name()]++
		if n := times[d.Name()]; n > 1 {
			all[i] = renamed{d, fmt.Sprintf("%s-%d", d.Name(), n)}
		}
	}
	return all
}

// commonClasses are the classes that all detectors know, sorted; nil where all of them take any word.
func commonClasses(all []detect.Detector) []string {
	var common []string
	first := true
	for _, d := range all {
		known := d.Classes()
		if known == nil {
			continue
		}
		if first {
			common, first = slices.Clone(known), false
			continue
		}
		common = slices.DeleteFunc(common, func(c string) bool { return !slices.Contains(known, c) })
	}
	slices.Sort(common)
	return common
}

// detectAll has every detector look at a picture. Detectors with a list of classes look for all of classes: what nobody asked for
// counts against a picture. Those that take any word pay for each class they look for, so they look for what is wanted and for
// what the others have found, which is all that they can agree on.
func detectAll(all []detect.Detector, picture image.Image, classes, wanted []string) (map[string][]detect.Detection, error) {
	found := map[string][]detect.Detection{}
	suspects := slices.Clone(wanted)
	pass := func(open bool, classes []string) error {
		for _, d := range all {
			if (d.Classes() == nil) != open {
				continue
			}
			seen, err := d.Detect(picture, classes)
			if err != nil {
				return fmt.Errorf("detector %s: %w", d.Name(), err)
			}
			found[d.Name()] = append([]detect.Detection{}, seen...) // never nil: it looked and saw nothing
			for _, s := range seen {
				suspects = append(suspects, s.Class)
			}
		}
		return nil
	}
	if err := pass(false, classes); err != nil {
		return nil, err
	}
	slices.Sort(suspects)
	if err := pass(true, slices.Compact(suspects)); err != nil {
		return nil, err
	}
	return found, nil
}
