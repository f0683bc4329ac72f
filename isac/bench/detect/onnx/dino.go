package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// BoxThreshold is what a Grounding DINO box must score above to count. Its authors' demo takes 0.35, transformers 0.25.
const BoxThreshold = 0.3

const (
	// shortSide and longSide are of the pictures that Grounding DINO was trained on.
	shortSide, longSide = 800, 1333
	// longestText is in tokens, with [CLS] and [SEP].
	longestText = 256
)

// imagenetMean and imagenetStd are per colour, of values 0..1.
var (
	imagenetMean = [3]float32{0.485, 0.456, 0.406}
	imagenetStd  = [3]float32{0.229, 0.224, 0.225}
)

// dino is Grounding DINO, which looks for whatever a text names.
type dino struct {
	*model
	tokenizer     *wordpiece
	width, height int // of the input; 0 where any size may come
	text          int // length of the text that the model takes; 0 where any may come
}

// OpenGroundingDINO opens a Grounding DINO in an ONNX file with the inputs and outputs of Hugging Face's model:
//
//	pixel_values [1,3,H,W] float32   input_ids, token_type_ids, attention_mask [1,L] int64   pixel_mask [1,H,W] int64
//	logits [1,Q,256] float32         pred_boxes [1,Q,4] float32: cx,cy,w,h over the picture's size
//
// vocab.txt or tokenizer.json lies beside it or one folder up. The detector, "grounding-dino", takes any class word and looks for
// each in a pass of its own, with the prompt "a cat." A box's score is the largest sigmoid of the logits of the class word's own
// tokens, and must be above BoxThreshold; of boxes that overlap by more than MaxIoU the most certain stays.
//
// A picture is scaled so that its shorter side has 800 pixels, or its longer one 1333 if that is less, and stretched to the model's size
// where the export fixed that.
func OpenGroundingDINO(path string, options ...Option) (detect.Detector, error) {
	m, err := describe(path, options)
	if err != nil {
		return nil, err
	}
	d := &dino{model: m}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s is no Grounding DINO that can be read: %w", path, err)
	}
	folder := filepath.Dir(path)
	if d.tokenizer, err = openWordpiece(folder, filepath.Join(folder, "..")); err != nil {
		return nil, fmt.Errorf("the tokenizer of %s: %w", path, err)
	}
	if err := m.start("logits", "pred_boxes"); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *dino) Name() string { return "grounding-dino" }

// Classes is nil: any word can be looked for.
func (d *dino) Classes() []string { return nil }

func (d *dino) Detect(picture image.Image, classes []string) ([]detect.Detection, error) {
	if len(classes) == 0 {
		return nil, nil
	}
	size, err := sizeOf(picture)
	if err != nil {
		return nil, err
	}
	in := image.Pt(d.width, d.height)
	if d.width == 0 {
		in = shortest(size, shortSide, longSide)
	}
	pixels := planes(stretch(picture, in.X, in.Y), imagenetMean, imagenetStd)
	var found []detect.Detection
	var words []string
	for _, class := range classes {
		class = word(class)
		if slices.Contains(words, class) {
			continue
		}
		words = append(words, class)
		one, err := d.look(pixels, in, size, class)
		if err != nil {
			return nil, fmt.Errorf("looking for %q: %w", class, err)
		}
		found = append(found, one...)
	}
	slices.SortStableFunc(found, func(a, b detect.Detection) int { return cmp.Compare(b.Score, a.Score) })
	return found, nil
}

// look is one pass: pixels are [3,in.Y,in.X], size is the picture's own.
func (d *dino) look(pixels []float32, in, size image.Point, class string) ([]detect.Detection, error) {
	p, err := d.prompt(class)
	if err != nil {
		return nil, err
	}
	inputs, err := d.feed(pixels, in, p)
	if err != nil {
		return nil, err
	}
	outputs, err := d.run(inputs, 2)
	if err != nil {
		return nil, err
	}
	logits, boxes := outputs[0], outputs[1]
	if len(logits.shape) != 3 || len(boxes.shape) != 3 || logits.shape[0] != 1 || boxes.shape[0] != 1 ||
		logits.shape[1] != boxes.shape[1] || boxes.shape[2] != 4 || logits.shape[2] < int64(p.to) {
		return nil, fmt.Errorf("%s: logits have shape %v and pred_boxes %v, expected [1 Q 256] and [1 Q 4]", d.path, logits.shape, boxes.shape)
	}
	var found []detect.Detection
	tokens := int(logits.shape[2])
	for q := range int(logits.shape[1]) {
		best := slices.Max(logits.data[q*tokens+p.from : q*tokens+p.to])
		score := 1 / (1 + math.Exp(-float64(best)))
		if !(score > BoxThreshold) {
			continue
		}
		b := boxes.data[4*q:]
		w, h := float64(size.X), float64(size.Y)
		x, y, halfW, halfH := float64(b[0])*w, float64(b[1])*h, float64(b[2])*w/2, float64(b[3])*h/2
		found = append(found, detect.Detection{Class: class, Score: score, Box: detect.Box{X0: x - halfW, Y0: y - halfH, X1: x + halfW, Y1: y + halfH}})
	}
	var kept []detect.Detection
	for _, f := range detect.Suppress(found, MaxIoU) {
		if f.Box = f.Box.Intersect(detect.Box{X1: float64(size.X), Y1: float64(size.Y)}); !f.Box.Empty() {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// prompt is a text in tokens.
type prompt struct {
	ids      []int64
	from, to int // the class word's tokens are ids[from:to]
}

// prompt writes "a cat." as [CLS] a cat . [SEP]. Grounding DINO wants lower case and a full stop after each phrase.
func (d *dino) prompt(class string) (prompt, error) {
	article := "a"
	if class != "" && strings.ContainsRune("aeiou", rune(class[0])) {
		article = "an"
	}
	body := d.tokenizer.encode(class)
	if len(body) == 0 || slices.Contains(body, d.tokenizer.unk) || strings.Contains(class, ".") {
		return prompt{}, fmt.Errorf("the tokenizer has no tokens for it; a class is a word or words without a full stop")
	}
	ids := append([]int64{d.tokenizer.cls}, d.tokenizer.encode(article)...)
	p := prompt{from: len(ids), to: len(ids) + len(body)}
	p.ids = slices.Concat(ids, body, d.tokenizer.encode("."), []int64{d.tokenizer.sep})
	limit := longestText
	if d.text > 0 {
		limit = d.text
	}
	if len(p.ids) > limit {
		return prompt{}, fmt.Errorf("its prompt has %d tokens, the model takes %d", len(p.ids), limit)
	}
	return p, nil
}

// feed makes the inputs in the model's order.
func (d *dino) feed(pixels []float32, in image.Point, p prompt) (values []ort.Value, err error) {
	length := max(len(p.ids), d.text)
	ids, mask, kinds := slices.Repeat([]int64{d.tokenizer.pad}, length), make([]int64, length), make([]int64, length)
	copy(ids, p.ids)
	for i := range p.ids {
		mask[i] = 1
	}
	h, w, n := int64(in.Y), int64(in.X), int64(length)
	var failed []error
	for _, input := range d.inputs {
		var v ort.Value
		switch input.Name {
		case "pixel_values":
			v, err = value(pixels, 1, 3, h, w)
		case "pixel_mask":
			v, err = value(slices.Repeat([]int64{1}, in.X*in.Y), 1, h, w)
		case "input_ids":
			v, err = value(ids, 1, n)
		case "token_type_ids":
			v, err = value(kinds, 1, n)
		case "attention_mask":
			v, err = value(mask, 1, n)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("input %s: %w", input.Name, err))
			continue
		}
		values = append(values, v)
	}
	if len(failed) > 0 {
		for _, v := range values {
			v.Destroy()
		}
		return nil, errors.Join(failed...)
	}
	return values, nil
}
