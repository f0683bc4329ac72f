package unet

import (
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// detector reads a configuration off tensor shapes and config.json, and collects what is wrong with them.
type detector struct{ *config.Detector }

func newDetector(src weights.Source, json map[string]any) detector {
	return detector{config.NewDetector("unet", src, "unet/config.json", json)}
}

// depths gives the number of transformer blocks after each residual block of a level. They need not be equal: distilled models
// (SSD-1B) have lost some.
func (d detector) depths(level string) []int {
	depths := make([]int, d.Count(level+".resnets.%d", config.MaxLayers))
	for i := range depths {
		depths[i] = d.Count(fmt.Sprintf("%s.attentions.%d", level, i)+".transformer_blocks.%d", config.MaxLayers)
	}
	return depths
}

func (d detector) shapes() Config {
	cfg := d.encoder()
	cfg.OutChannels = d.Size("conv_out.weight", 0, 4)
	levels, ups := len(cfg.Levels), d.Count("up_blocks.%d", config.MaxLevels)
	if levels == 0 || levels != ups {
		d.Fail("%s: %d down_blocks and %d up_blocks, expected as many of the one as of the other: %w", d.Origin(""), levels, ups, weights.ErrMissing)
	}
	for i := range cfg.Levels {
		down, up, l := fmt.Sprintf("down_blocks.%d", i), fmt.Sprintf("up_blocks.%d", levels-1-i), &cfg.Levels[i]
		if l.Up = d.depths(up); len(l.Up) != len(l.Down)+1 {
			d.Fail("%s: %d residual blocks in %s and %d in %s, expected one more on the way up: %w", d.Origin(""), len(l.Down), down, len(l.Up), up, weights.ErrMissing)
		}
	}
	return cfg
}

// encoder reads what there is from the latent down to the bottom.
func (d detector) encoder() Config {
	cfg := Config{
		InChannels: d.Size("conv_in.weight", 1, 4),
		TimeWidth:  d.Size("time_embedding.linear_1.weight", 0, 2),
		MidResnets: d.Count("mid_block.resnets.%d", config.MaxLayers),
		MidDepth:   d.Count("mid_block.attentions.0.transformer_blocks.%d", config.MaxLayers),
	}
	for i := range d.Count("down_blocks.%d", config.MaxLevels) {
		down := fmt.Sprintf("down_blocks.%d", i)
		cfg.Levels = append(cfg.Levels, Level{Channels: d.Size(down+".resnets.0.conv1.weight", 0, 4), Down: d.depths(down)})
	}
	if d.Below("add_embedding.linear_1") {
		cfg.Vector = d.Size("add_embedding.linear_1.weight", 1, 2)
	}
	for _, name := range d.Names() {
		if strings.HasSuffix(name, ".attn2.to_k.weight") {
			cfg.Context = d.Size(name, 1, 2)
			break
		}
	}
	for _, name := range d.Names() {
		if strings.HasSuffix(name, ".proj_in.weight") {
			shape, _ := d.Shape(name)
			cfg.Linear = len(shape) == 2
			break
		}
	}
	return cfg
}

// settings reads what shapes cannot tell. diffusers' attention_head_dim is the number of heads in every UNet of this family, whatever
// its name says (diffusers issue 2011).
func (d detector) settings(cfg *Config) {
	n := len(cfg.Levels)
	heads := d.Settings.IntsIn("num_attention_heads", n, 1, config.MaxHeads)
	if heads == nil {
		heads = d.Settings.IntsIn("attention_head_dim", n, 1, config.MaxHeads)
	}
	for i := range cfg.Levels {
		l := &cfg.Levels[i]
		switch {
		case heads != nil:
			l.Heads = heads[i]
		case cfg.Linear: // Stable Diffusion 2.x and XL: 64 channels a head
			l.Heads = max(l.Channels/64, 1)
		default: // Stable Diffusion 1.x
			l.Heads = 8
		}
		attends := l.attends() || i == n-1 && cfg.MidDepth > 0
		if attends && (l.Heads < 1 || l.Channels%l.Heads != 0) {
			d.Fail("level %d has %d channels, which %d attention heads do not divide: correct attention_head_dim in config.json (in diffusers it is the number of heads)",
				i, l.Channels, l.Heads)
		}
	}
	cfg.Groups = d.Settings.IntIn("norm_num_groups", 32, 1, config.MaxSize)
	cfg.Eps = d.Settings.FloatIn("norm_eps", 1e-5, 0, 1)
	cfg.CosineFirst = d.Settings.Bool("flip_sin_to_cos", true)
	cfg.FreqShift = d.Settings.FloatIn("freq_shift", 0, -8, 8)
	// Stable Diffusion 2's scores overflow float16, also those of its folders that do not say so.
	cfg.Upcast = d.Settings.Bool("upcast_attention", false) || cfg.Linear && cfg.Context == openCLIPH && cfg.Vector == 0
}

// openCLIPH is the width of the text model that Stable Diffusion 2.x is conditioned by, and no other UNet.
const openCLIPH = 1024
