package family

import (
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// textNames shows a CLIP text encoder's tensors below "text_model.", where most files have them. The first single files and transformers
// since version 5 leave that out.
func textNames(src weights.Source) weights.Source {
	to := map[string]string{}
	for _, old := range src.Names() {
		switch {
		case strings.HasPrefix(old, "text_model."), strings.HasPrefix(old, "text_projection."):
			to[old] = old
		default:
			to["text_model."+old] = old
		}
	}
	return weights.Renamed(src, to)
}
