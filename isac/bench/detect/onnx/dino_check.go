package onnx

import (
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// check compares the model's inputs and outputs with Grounding DINO's, and takes the sizes that the export fixed.
func (d *dino) check() error {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	axes := map[string]int{"pixel_values": 4, "input_ids": 2, "token_type_ids": 2, "attention_mask": 2, "pixel_mask": 3}
	for _, in := range d.inputs {
		n, known := axes[in.Name]
		wanted := ort.TensorElementDataType(ort.TensorElementDataTypeInt64)
		if in.Name == "pixel_values" {
			wanted = ort.TensorElementDataTypeFloat
		}
		switch {
		case !known:
			wrong("input %s is unknown", in.Name)
		case in.DataType != wanted || len(in.Dimensions) != n || in.Dimensions[0] > 1:
			wrong("input %s is %s %v, expected %s with %d axes for one picture", in.Name, kind(in.DataType), []int64(in.Dimensions), kind(wanted), n)
		}
	}
	for _, name := range []string{"pixel_values", "input_ids"} {
		if !slices.Contains(names(d.inputs), name) {
			wrong("there is no input %s", name)
		}
	}
	for _, name := range []string{"logits", "pred_boxes"} {
		if !slices.Contains(names(d.outputs), name) {
			wrong("there is no output %s", name)
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s (it has inputs %s and outputs %s)", strings.Join(problems, "; "), described(d.inputs), described(d.outputs))
	}
	for _, in := range d.inputs {
		switch in.Name {
		case "pixel_values":
			if h, w := in.Dimensions[2], in.Dimensions[3]; h > 0 && w > 0 {
				d.height, d.width = int(h), int(w)
			}
		case "input_ids":
			d.text = int(max(0, in.Dimensions[1]))
		}
	}
	return nil
}
