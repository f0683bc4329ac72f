package family

import (
	"regexp"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// OpenCLIP's text models, in the single files of Stable Diffusion 2 and SDXL, have names of their own, keep query, key and value in one
// matrix, and multiply with the projection from the other side.

// openCLIPEnds maps what stands outside the layers.
var openCLIPEnds = map[string]weights.Piece{
	"text_model.embeddings.token_embedding.weight":    {Name: "token_embedding.weight"},
	"text_model.embeddings.position_embedding.weight": {Name: "positional_embedding"},
	"text_model.final_layer_norm.weight":              {Name: "ln_final.weight"},
	"text_model.final_layer_norm.bias":                {Name: "ln_final.bias"},
	"text_projection.weight":                          {Name: "text_projection", Transposed: true},
}

// openCLIPLayers maps what a layer has of its own, weights and biases.
var openCLIPLayers = map[string]string{
	"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
}

var (
	openCLIPLayer = regexp.MustCompile(`^transformer\.resblocks\.(\d+)\.(.+)\.(weight|bias)$`)
	openCLIPFused = regexp.MustCompile(`^transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)$`)
)

// openCLIPText shows an OpenCLIP text model's tensors under transformers' names, those of CLIPTextModelWithProjection; src is what lies
// below cond_stage_model.model. or conditioner.embedders.1.model. What is not of the text model (logit_scale, a picture encoder) is
// left out.
func openCLIPText(src weights.Source) weights.Source {
	to := map[string]weights.Piece{}
	for name, piece := range openCLIPEnds {
		to[name] = piece
	}
	for _, old := range src.Names() {
		if m := openCLIPFused.FindStringSubmatch(old); m != nil {
			for i, part := range []string{"q_proj", "k_proj", "v_proj"} {
				to["text_model.encoder.layers."+m[1]+".self_attn."+part+"."+m[2]] = weights.Piece{Name: old, Part: i, Parts: 3}
			}
			continue
		}
		if m := openCLIPLayer.FindStringSubmatch(old); m != nil {
			if layer, ok := openCLIPLayers[m[2]]; ok {
				to["text_model.encoder.layers."+m[1]+"."+layer+"."+m[3]] = weights.Piece{Name: old}
			}
		}
	}
	return weights.Derive(src, to)
}
