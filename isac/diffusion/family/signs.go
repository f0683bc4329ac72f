package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// latentChannels is what the UNet of a text-to-image model takes in; inpainting and editing models take more.
const latentChannels = 4

// firstConv is the first tensor of every UNet of the first releases.
const firstConv = "model.diffusion_model.input_blocks.0.0.weight"

// recognise finds the family of a single file, or says by name what it is.
func recognise(src weights.Source) (*Family, error) {
	names := src.Names()
	if kind := foreign(names); kind != "" {
		return nil, unsupported(kind)
	}
	if shape, ok := src.Shape(firstConv); ok && len(shape) == 4 && (shape[1] == 2*latentChannels || shape[1] == 2*latentChannels+1) {
		return nil, fmt.Errorf("this is an inpainting or editing model (its UNet takes %d channels), give a text-to-image model: %w", shape[1], weights.ErrUnsupported)
	}
	for _, f := range list {
		if f.Single(src) {
			return f, nil
		}
	}
	if kind := piece(names); kind != "" {
		return nil, unsupported(kind)
	}
	if isInversion(src) {
		return nil, unsupported(inversion)
	}
	return nil, fmt.Errorf("no tensor %q: this is no Stable Diffusion checkpoint; supported are %s: %w", firstConv, titles(), weights.ErrUnsupported)
}

func titles() string {
	var all []string
	for _, f := range list {
		all = append(all, f.Title)
	}
	return strings.Join(all, ", ")
}

// hasPrefix tells whether a name of a sorted list begins with prefix.
func hasPrefix(names []string, prefix string) bool {
	i, _ := slices.BinarySearch(names, prefix)
	return i < len(names) && strings.HasPrefix(names[i], prefix)
}

// contextWidth is the width of the text that a single file's UNet reads, 0 where it has no cross-attention.
func contextWidth(src weights.Source) int64 {
	for _, name := range src.Names() {
		if strings.HasPrefix(name, "model.diffusion_model.") && strings.HasSuffix(name, "attn2.to_k.weight") {
			if shape, _ := src.Shape(name); len(shape) == 2 {
				return shape[1]
			}
		}
	}
	return 0
}
