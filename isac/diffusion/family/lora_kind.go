package family

import (
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/lora"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// OpenLoRA reads a LoRA file's names. A file of another kind is weights.ErrUnsupported, with what it is. The second value closes the file, which
// has to be open until the model with the LoRA is made.
func OpenLoRA(path string) (*lora.File, func() error, error) {
	src, err := weights.Open(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := lora.Read(src)
	if err == nil {
		return f, src.Close, nil
	}
	defer src.Close()
	names, kind := src.Names(), ""
	if whole, wrong := recognise(src); wrong == nil {
		kind = "a whole checkpoint of " + whole.Title
	} else if kind = foreign(names); kind == "" {
		if kind = piece(names); kind == "" && isInversion(src) {
			kind = inversion
		}
	}
	if kind != "" {
		err = fmt.Errorf("this is %s, give a LoRA: %w", kind, err)
	}
	return nil, nil, err
}

// loraSigns tell by parts of layers' names which model a LoRA is for, most telling first.
var loraSigns = []struct{ part, kind string }{
	{"double_blocks", "Flux"}, {"single_transformer_blocks", "Flux"}, {"single_blocks", "Flux"},
	{"joint_blocks", "Stable Diffusion 3"}, {"add_q_proj", "Stable Diffusion 3"}, {"context_block", "Stable Diffusion 3"},
	{"lora_prior_", "Stable Cascade"}, {"lora_te2_", "Stable Diffusion XL"}, {"text_encoder_2.", "Stable Diffusion XL"},
}

// contextKinds tell it by the width of the text that cross-attention reads.
var contextKinds = map[int64]string{768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"}

// kindOfLoRA says which model a LoRA is for, as far as its names and shapes tell.
func kindOfLoRA(f *lora.File) string {
	for _, s := range loraSigns {
		for _, name := range f.Layers() {
			if strings.Contains(name, s.part) {
				return s.kind
			}
		}
	}
	for _, name := range f.Layers() {
		if !strings.Contains(strings.ReplaceAll(name, "_", "."), "attn2.") || !strings.Contains(name, "to_k") {
			continue
		}
		for _, tensor := range f.Tensors(name) {
			if shape, _ := f.Source().Shape(tensor); len(shape) >= 2 {
				if kind := contextKinds[shape[1]]; kind != "" {
					return kind
				}
			}
		}
	}
	return "another model"
}
