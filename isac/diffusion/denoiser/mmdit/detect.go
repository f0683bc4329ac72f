package mmdit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// detector reads a configuration off tensor shapes and config.json, and collects what is wrong with them.
type detector struct {
	src   weights.Source
	names []string
	json  *config.Reader
	errs  []error
}

func newDetector(src weights.Source, json map[string]any) *detector {
	return &detector{src: src, names: src.Names(), json: config.New("transformer/config.json", json)}
}

func (d *detector) err() error {
	errs := append(slices.Clone(d.errs), d.json.Err())
	return errors.Join(errs...)
}

func (d *detector) fail(format string, a ...any) {
	d.errs = append(d.errs, fmt.Errorf("mmdit: "+format, a...))
}

// size gives one dimension of a tensor that every MMDiT has.
func (d *detector) size(name string, dim, dims int) int64 {
	n, err := config.Size(d.src, name, dim, dims)
	if err != nil {
		d.fail("%w", err)
	}
	return n
}

// has says whether any tensor lies below path.
func (d *detector) has(path string) bool {
	i, _ := slices.BinarySearch(d.names, path+".")
	return i < len(d.names) && strings.HasPrefix(d.names[i], path+".")
}

func (d *detector) shapes() Config {
	cfg := Config{
		InChannels:  d.size("pos_embed.proj.weight", 1, 4),
		Width:       d.size("pos_embed.proj.weight", 0, 4),
		Patch:       d.size("pos_embed.proj.weight", 2, 4),
		Context:     d.size("context_embedder.weight", 1, 2),
		Vector:      d.size("time_text_embed.text_embedder.linear_1.weight", 1, 2),
		Frequencies: d.size("time_text_embed.timestep_embedder.linear_1.weight", 1, 2),
		QKNorm:      d.src.Has("transformer_blocks.0.attn.norm_q.weight"),
	}
	positions := d.size("pos_embed.pos_embed", 1, 3)
	cfg.Positions = int64(math.Round(math.Sqrt(float64(positions))))
	if cfg.Positions*cfg.Positions != positions {
		d.fail("%s: there are %d position embeddings, expected those of a square: %w", d.src.Origin("pos_embed.pos_embed"), positions, weights.ErrShape)
	}
	out := d.size("proj_out.weight", 0, 2)
	if area := cfg.Patch * cfg.Patch; area > 0 {
		if cfg.OutChannels = out / area; out%area != 0 {
			d.fail("%s: proj_out has %d rows, expected a multiple of the patch's %d: %w", d.src.Origin("proj_out.weight"), out, area, weights.ErrShape)
		}
	}
	blocks, err := config.Count("transformer_blocks.%d", config.MaxLayers, func(i int) bool { return d.has(fmt.Sprintf("transformer_blocks.%d", i)) })
	if err != nil {
		d.fail("%s: %w", d.src.Origin(""), err)
	}
	for i := range blocks {
		cfg.Dual = append(cfg.Dual, d.has(fmt.Sprintf("transformer_blocks.%d.attn2", i)))
	}
	if len(cfg.Dual) == 0 {
		d.fail("%s: no block transformer_blocks.0: %w", d.src.Origin(""), weights.ErrMissing)
	}
	return cfg
}

// settings reads what shapes cannot tell: the number of heads, where no norm of queries has the width of one.
func (d *detector) settings(cfg *Config) {
	width := d.json.IntIn("attention_head_dim", 64, 1, config.MaxHeads)
	if cfg.QKNorm {
		width = d.size("transformer_blocks.0.attn.norm_q.weight", 0, 1)
	}
	if width > 0 {
		cfg.Heads = max(cfg.Width/width, 1)
	}
	if stated := d.json.IntIn("num_attention_heads", cfg.Heads, 1, config.MaxHeads); !cfg.QKNorm {
		cfg.Heads = stated
	} else if stated != cfg.Heads {
		d.json.Fail("num_attention_heads", weights.ErrConfig, "the model's weights have %d", cfg.Heads)
	}
	if cfg.Heads < 1 || cfg.Width%cfg.Heads != 0 {
		d.fail("%d attention heads do not divide the width %d: correct num_attention_heads in config.json", cfg.Heads, cfg.Width)
	}
	if norm := d.json.String("qk_norm", "rms_norm"); norm != "rms_norm" {
		d.json.Fail("qk_norm", weights.ErrUnsupported, "expected rms_norm or null")
	}
}
