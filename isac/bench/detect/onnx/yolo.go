package onnx

import (
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

const (
	// Confidence is what a YOLO's score must be above to count, Ultralytics' default for predictions.
	Confidence = 0.25
	// MaxIoU is how much two boxes of one class may overlap before the less certain one counts as a duplicate: Ultralytics' default
	// for predictions. Grounding DINO's duplicates are cut at the same overlap.
	MaxIoU = 0.7
	// mostDetections in a picture, also Ultralytics'.
	mostDetections = 300
)

// yolo is a detector of the YOLO family, as Ultralytics exports them.
type yolo struct {
	*model
	name          string
	words         []string // of the model's class indices
	known         []string // words, each once
	width, height int      // of the input
	endToEnd      bool     // rows are detections, no suppression needed
}

// OpenYOLO opens a YOLO in an ONNX file that Ultralytics' exporter wrote (or one like it). Its input is one RGB picture
// [1,3,H,W], 0..1; the picture is scaled into it with grey borders. Its first output with three axes is one of
//
//	[1,4+C,N]   v8, 9, 11, 12, YOLOE: N boxes (cx,cy,w,h in input pixels) with a score per class
//	[1,300,6]   v10, 26: x0,y0,x1,y1, score, class index
//
// and segmentation models, which have numbers for masks after these, do as well: masks are not read. classes are the words of the class
// indices; nil means those of the metadata "names", and without these the 80 of COCO. The detector's name is the file's, without
// its ending. A box has one class, its best one, of score > Confidence; of boxes of one class that overlap by more than MaxIoU the
// most certain stays.
func OpenYOLO(path string, classes []string, options ...Option) (detect.Detector, error) {
	m, err := describe(path, options)
	if err != nil {
		return nil, err
	}
	y := &yolo{model: m, name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	output, err := y.head()
	if err != nil {
		return nil, err
	}
	if err := m.start(output.Name); err != nil {
		return nil, err
	}
	if err := errors.Join(y.task(), y.size(), y.label(classes, output.Dimensions)); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), m.Close())
	}
	return y, nil
}

func (y *yolo) Name() string { return y.name }

func (y *yolo) Classes() []string { return slices.Clone(y.known) }

func (y *yolo) Detect(picture image.Image, classes []string) ([]detect.Detection, error) {
	wanted := map[string]bool{}
	for _, c := range classes {
		if w := word(c); slices.Contains(y.known, w) {
			wanted[w] = true
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	boxed, frame, err := letterbox(picture, y.width, y.height)
	if err != nil {
		return nil, err
	}
	input, err := value(planes(boxed, [3]float32{}, [3]float32{1, 1, 1}), 1, 3, int64(y.height), int64(y.width))
	if err != nil {
		return nil, fmt.Errorf("onnx runtime: %w", err)
	}
	outputs, err := y.run([]ort.Value{input}, 1)
	if err != nil {
		return nil, err
	}
	found, err := y.decode(outputs[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", y.path, err)
	}
	var kept []detect.Detection
	for _, d := range found {
		if d.Box = frame.box(d.Box); wanted[d.Class] && !d.Box.Empty() {
			kept = append(kept, d)
		}
	}
	return kept, nil
}

// head finds the output with the boxes, and checks the input.
func (y *yolo) head() (ort.InputOutputInfo, error) {
	var problems []string
	if len(y.inputs) != 1 || y.inputs[0].DataType != ort.TensorElementDataTypeFloat || len(y.inputs[0].Dimensions) != 4 ||
		y.inputs[0].Dimensions[0] > 1 || (y.inputs[0].Dimensions[1] != 3 && y.inputs[0].Dimensions[1] > 0) {
		problems = append(problems, fmt.Sprintf("its inputs are %s, expected one float [1 3 H W] (export with batch=1, and without half)", described(y.inputs)))
	}
	i := slices.IndexFunc(y.outputs, func(o ort.InputOutputInfo) bool {
		return len(o.Dimensions) == 3 && o.DataType == ort.TensorElementDataTypeFloat
	})
	if i < 0 {
		problems = append(problems, fmt.Sprintf("its outputs are %s, expected a float [1 4+C N] or [1 300 6]", described(y.outputs)))
	}
	if len(problems) > 0 {
		return ort.InputOutputInfo{}, fmt.Errorf("%s is no YOLO that can be read: %s", y.path, strings.Join(problems, "; "))
	}
	return y.outputs[i], nil
}

// task refuses what has boxes with other numbers in them.
func (y *yolo) task() error {
	switch task := y.metadata["task"]; task {
	case "", "detect", "segment":
		return nil
	default:
		return fmt.Errorf("its task is %q, expected a model for \"detect\" or \"segment\"", task)
	}
}

// size takes the input's size from its shape, or where that is left open from the metadata "imgsz", "[640, 640]" (height, width).
func (y *yolo) size() error {
	shape := y.inputs[0].Dimensions
	y.height, y.width = int(shape[2]), int(shape[3])
	if y.height > 0 && y.width > 0 {
		return nil
	}
	y.height, y.width = 640, 640
	text, ok := y.metadata["imgsz"]
	if !ok {
		return nil
	}
	fields := strings.Split(strings.Trim(strings.TrimSpace(text), "[]()"), ",")
	h, errH := strconv.Atoi(strings.TrimSpace(fields[0]))
	w, errW := strconv.Atoi(strings.TrimSpace(fields[len(fields)-1]))
	if errH != nil || errW != nil || h < 1 || w < 1 || len(fields) > 2 {
		return fmt.Errorf("its metadata has imgsz %q, expected [height, width]", text)
	}
	y.height, y.width = h, w
	return nil
}

// label finds the words of the class indices, and which of the two outputs it is: a model exported with nms=True has the second one
// too. Axes that the model leaves open are -1 in shape; decode looks at the real ones.
func (y *yolo) label(classes []string, shape []int64) error {
	y.endToEnd = strings.EqualFold(y.metadata["end2end"], "true") || strings.Contains(y.metadata["args"], "'nms': True") || shape[2] == 6
	from := "given"
	switch text, named := y.metadata["names"]; {
	case classes != nil:
	case named:
		from = "in its metadata"
		var err error
		if classes, err = parseNames(text); err != nil {
			return err
		}
	default:
		from = "of COCO (it has no names in its metadata)"
		classes = COCO()
	}
	if len(classes) == 0 {
		return fmt.Errorf("there are no class names %s", from)
	}
	for _, c := range classes {
		y.words = append(y.words, word(c))
		if !slices.Contains(y.known, word(c)) {
			y.known = append(y.known, word(c))
		}
	}
	if y.endToEnd || shape[1] < 0 {
		return nil
	}
	if err := y.columns(int(shape[1])); err != nil {
		return fmt.Errorf("%w, but there are %d class names %s", err, len(classes), from)
	}
	return nil
}

// columns checks the length of the axis with the classes' scores. Only segmentation models have more there than scores.
func (y *yolo) columns(n int) error {
	scores := n - 4
	if scores == len(y.words) || scores > len(y.words) && (y.metadata["task"] == "segment" || len(y.outputs) > 1) {
		return nil
	}
	return fmt.Errorf("its output has room for %d class scores", scores)
}
