package family

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Single files of Stable Diffusion 3 name the transformer's layers as its release does: joint_blocks.N has a block for each stream,
// queries, keys and values in one matrix. Norms that make only a shift and a scale (before the output, and of the last block's text)
// have them in this order there, and the other way round in diffusers.

// sd3Ends maps the layers outside of blocks from the release to diffusers.
var sd3Ends = map[string]string{
	"x_embedder.proj": "pos_embed.proj", "context_embedder": "context_embedder",
	"t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1", "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
	"y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1", "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
	"final_layer.adaLN_modulation.1": "norm_out.linear", "final_layer.linear": "proj_out",
}

// sd3Layers maps the layers of each stream's block; what has three names is cut into thirds.
var sd3Layers = map[string]map[string][]string{
	"x_block": {
		"attn.qkv": {"attn.to_q", "attn.to_k", "attn.to_v"}, "attn.proj": {"attn.to_out.0"},
		"attn.ln_q": {"attn.norm_q"}, "attn.ln_k": {"attn.norm_k"},
		"attn2.qkv": {"attn2.to_q", "attn2.to_k", "attn2.to_v"}, "attn2.proj": {"attn2.to_out.0"},
		"attn2.ln_q": {"attn2.norm_q"}, "attn2.ln_k": {"attn2.norm_k"},
		"adaLN_modulation.1": {"norm1.linear"}, "mlp.fc1": {"ff.net.0.proj"}, "mlp.fc2": {"ff.net.2"},
	},
	"context_block": {
		"attn.qkv": {"attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"}, "attn.proj": {"attn.to_add_out"},
		"attn.ln_q": {"attn.norm_added_q"}, "attn.ln_k": {"attn.norm_added_k"},
		"adaLN_modulation.1": {"norm1_context.linear"}, "mlp.fc1": {"ff_context.net.0.proj"}, "mlp.fc2": {"ff_context.net.2"},
	},
}

// sd3Transformer shows a transformer's tensors under diffusers' names; src is what lies below model.diffusion_model. A tensor that it
// does not know keeps its name, so that the model reports it.
func sd3Transformer(src weights.Source) weights.Source {
	names := src.Names()
	last := -1
	for _, name := range names {
		if block, _, _, ok := sd3Block(name); ok {
			last = max(last, block)
		}
	}
	bare := fmt.Sprintf("joint_blocks.%d.context_block.adaLN_modulation.1.", last)
	to := map[string]weights.Piece{}
	for _, name := range names {
		parts := sd3Names(name)
		swap := strings.HasPrefix(name, "final_layer.adaLN_modulation.1.") || strings.HasPrefix(name, bare)
		for i, part := range parts {
			p := weights.Piece{Name: name, SwapHalves: swap}
			if len(parts) > 1 {
				p.Part, p.Parts = i, len(parts)
			}
			to[part] = p
		}
	}
	return weights.Derive(src, to)
}

// sd3Names are diffusers' names for a tensor, or for its thirds.
func sd3Names(name string) []string {
	if name == "pos_embed" {
		return []string{"pos_embed.pos_embed"}
	}
	dot := max(strings.LastIndexByte(name, '.'), 0)
	layer, weight := name[:dot], name[dot:]
	if end, ok := sd3Ends[layer]; ok {
		return []string{end + weight}
	}
	if block, stream, rest, ok := sd3Block(layer); ok {
		if layers, ok := sd3Layers[stream][rest]; ok {
			out := make([]string, len(layers))
			for i, l := range layers {
				out[i] = fmt.Sprintf("transformer_blocks.%d.%s%s", block, l, weight)
			}
			return out
		}
	}
	return []string{name}
}

// sd3Block reads "joint_blocks.N.stream.rest".
func sd3Block(name string) (block int, stream, rest string, ok bool) {
	below, ok := strings.CutPrefix(name, "joint_blocks.")
	if !ok {
		return 0, "", "", false
	}
	number, below, _ := strings.Cut(below, ".")
	stream, rest, _ = strings.Cut(below, ".")
	block, err := strconv.Atoi(number)
	return block, stream, rest, err == nil && block >= 0
}
