package mmdit

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// detector reads a configuration off tensor shapes and config.json, and collects what is wrong with them.
type detector struct{ *config.Detector }

func newDetector(src weights.Source, json map[string]any) detector {
	return detector{config.NewDetector("mmdit", src, "transformer/config.json", json)}
}

func (d detector) shapes() Config {
	cfg := Config{
		InChannels:  d.Size("pos_embed.proj.weight", 1, 4),
		Width:       d.Size("pos_embed.proj.weight", 0, 4),
		Patch:       d.Size("pos_embed.proj.weight", 2, 4),
		Context:     d.Size("context_embedder.weight", 1, 2),
		Vector:      d.Size("time_text_embed.text_embedder.linear_1.weight", 1, 2),
		Frequencies: d.Size("time_text_embed.timestep_embedder.linear_1.weight", 1, 2),
		QKNorm:      d.Has("transformer_blocks.0.attn.norm_q.weight"),
	}
	positions := d.Size("pos_embed.pos_embed", 1, 3)
	cfg.Positions = int64(math.Round(math.Sqrt(float64(positions))))
	if cfg.Positions*cfg.Positions != positions {
		d.Fail("%s: there are %d position embeddings, expected those of a square: %w", d.Origin("pos_embed.pos_embed"), positions, weights.ErrShape)
	}
	out := d.Size("proj_out.weight", 0, 2)
	if area := cfg.Patch * cfg.Patch; area > 0 {
		if cfg.OutChannels = out / area; out%area != 0 {
			d.Fail("%s: proj_out has %d rows, expected a multiple of the patch's %d: %w", d.Origin("proj_out.weight"), out, area, weights.ErrShape)
		}
	}
	for i := range d.Count("transformer_blocks.%d", config.MaxLayers) {
		cfg.Dual = append(cfg.Dual, d.Below(fmt.Sprintf("transformer_blocks.%d.attn2", i)))
	}
	if len(cfg.Dual) == 0 {
		d.Fail("%s: no block transformer_blocks.0: %w", d.Origin(""), weights.ErrMissing)
	}
	return cfg
}

// settings reads what shapes cannot tell: the number of heads, where no norm of queries has the width of one.
func (d detector) settings(cfg *Config) {
	width := d.Settings.IntIn("attention_head_dim", 64, 1, config.MaxHeads)
	if cfg.QKNorm {
		width = d.Size("transformer_blocks.0.attn.norm_q.weight", 0, 1)
	}
	if width > 0 {
		cfg.Heads = max(cfg.Width/width, 1)
	}
	if stated := d.Settings.IntIn("num_attention_heads", cfg.Heads, 1, config.MaxHeads); !cfg.QKNorm {
		cfg.Heads = stated
	} else if stated != cfg.Heads {
		d.Settings.Fail("num_attention_heads", weights.ErrConfig, "the model's weights have %d", cfg.Heads)
	}
	if cfg.Heads < 1 || cfg.Width%cfg.Heads != 0 {
		d.Fail("%d attention heads do not divide the width %d: correct num_attention_heads in config.json", cfg.Heads, cfg.Width)
	}
	if norm := d.Settings.String("qk_norm", "rms_norm"); norm != "rms_norm" {
		d.Settings.Fail("qk_norm", weights.ErrUnsupported, "expected rms_norm or null")
	}
}
