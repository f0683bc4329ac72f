package weights

import "strings"

// textNames shows a CLIP text encoder's tensors below "text_model.", where most files have them. The first single files and transformers
// since version 5 leave that out.
func textNames(src Source) Source {
	to := map[string]string{}
	for _, old := range src.Names() {
		switch {
		case strings.HasPrefix(old, "text_model."), strings.HasPrefix(old, "text_projection."):
			to[old] = old
		default:
			to["text_model."+old] = old
		}
	}
	return Renamed(src, to)
}
