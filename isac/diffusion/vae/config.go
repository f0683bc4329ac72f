package vae

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Config describes an autoencoder. Sizes are detected from tensor shapes; Groups and Scaling come from config.json.
type Config struct {
	ImageChannels  int64
	LatentChannels int64
	Levels         []Level // finest resolution first
	MidAttention   bool    // attention at the bottom
	QuantConv      bool    // 1×1 convolutions on both sides of the latent
	Encoder        bool    // false where the checkpoint holds the decoder only

	Groups  int64   // norm_num_groups, 32
	Scaling float64 // scaling_factor, 0.18215: the UNet's latents are the autoencoder's times this
	Shift   float64 // shift_factor, 0: taken off before scaling
}

// Level is one resolution. The decoder has one residual block more than the encoder.
type Level struct {
	Channels      int64
	EncoderLayers int
	DecoderLayers int
}

// Factor is how many pixels of the image one pixel of the latent stands for, along each side.
func (c Config) Factor() int64 { return 1 << (len(c.Levels) - 1) }

// ConfigFromWeights detects the configuration of the autoencoder whose tensors src holds; json is its config.json. The error lists all mistakes.
func ConfigFromWeights(src weights.Source, json map[string]any) (Config, error) {
	var errs []error
	size := func(name string, dim int) int64 {
		n, err := config.Size(src, name, dim, 4)
		if err != nil {
			errs = append(errs, fmt.Errorf("vae: %w", err))
		}
		return n
	}
	count := func(format string, most int) int {
		n, err := config.Count(format, most, func(i int) bool { return src.Has(fmt.Sprintf(format, i)) })
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: vae: %w", src.Origin(""), err))
		}
		return n
	}
	cfg := Config{
		ImageChannels:  size("decoder.conv_out.weight", 0),
		LatentChannels: size("decoder.conv_in.weight", 1),
		MidAttention:   src.Has("decoder.mid_block.attentions.0.group_norm.weight"),
		QuantConv:      src.Has("post_quant_conv.weight"),
		Encoder:        src.Has("encoder.conv_in.weight"),
	}
	n := count("decoder.up_blocks.%d.resnets.0.conv1.weight", config.MaxLevels)
	if n == 0 {
		errs = append(errs, fmt.Errorf("%s: vae: no level decoder.up_blocks.0: %w", src.Origin(""), weights.ErrMissing))
	}
	for i := range n {
		up := fmt.Sprintf("decoder.up_blocks.%d", n-1-i)
		cfg.Levels = append(cfg.Levels, Level{
			Channels:      size(up+".resnets.0.conv1.weight", 0),
			EncoderLayers: count(fmt.Sprintf("encoder.down_blocks.%d", i)+".resnets.%d.conv1.weight", config.MaxLayers),
			DecoderLayers: count(up+".resnets.%d.conv1.weight", config.MaxLayers),
		})
	}

	c := config.New("vae/config.json", json)
	cfg.Groups = c.IntIn("norm_num_groups", 32, 1, config.MaxSize)
	cfg.Scaling = c.FloatIn("scaling_factor", 0.18215, -1e6, 1e6)
	cfg.Shift = c.FloatIn("shift_factor", 0, -1e6, 1e6)
	if cfg.Scaling == 0 {
		c.Fail("scaling_factor", weights.ErrConfig, "expected the number that latents are multiplied with")
	}
	if act := c.String("act_fn", "silu"); act != "silu" && act != "swish" {
		c.Fail("act_fn", weights.ErrUnsupported, "expected silu")
	}
	errs = append(errs, c.Err())
	return cfg, errors.Join(errs...)
}
