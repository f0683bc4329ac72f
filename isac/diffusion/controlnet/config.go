package controlnet

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Config describes a control net. Sizes are detected from tensor shapes.
type Config struct {
	// Encoder is the way down, with the settings that a UNet has.
	Encoder unet.Config
	// Picture are the channels of the picture that it sees, 3. Hint are the channels between the convolutions that bring it to the
	// latent's size, the first convolution's first; every second one of the others halves its sides.
	Picture int64
	Hint    []int64
	// Pool has each residual averaged over the picture (global_pool_conditions of config.json): the net of the "shuffle" kind.
	Pool bool
}

// Factor is how many pixels of the picture one pixel of the latent stands for, along each side.
func (c Config) Factor() int64 { return 1 << ((len(c.Hint) - 1) / 2) }

// foreign are the tensors by which nets are known that compute something else.
var foreign = []struct{ path, kind string }{
	{"task_embedding", "a ControlNet of several kinds in one (union)"},
	{"control_add_embedding", "a ControlNet of several kinds in one (union)"},
	{"controlnet_x_embedder", "a ControlNet of Flux"},
}

// ConfigFromWeights detects the configuration of the control net whose tensors src holds under diffusers' names; json is its config.json, nil
// where there is none. The error lists all mistakes.
func ConfigFromWeights(src weights.Source, json map[string]any) (Config, error) {
	encoder, err := unet.EncoderConfigFromWeights(src, json)
	d := config.NewDetector("control net", src, "config.json", json)
	cfg := Config{Encoder: encoder, Picture: d.Size("controlnet_cond_embedding.conv_in.weight", 1, 4)}
	cfg.Hint = append(cfg.Hint, d.Size("controlnet_cond_embedding.conv_in.weight", 0, 4))
	blocks := d.Count("controlnet_cond_embedding.blocks.%d", 2*config.MaxLevels)
	for i := range blocks {
		cfg.Hint = append(cfg.Hint, d.Size(fmt.Sprintf("controlnet_cond_embedding.blocks.%d.weight", i), 0, 4))
	}
	if blocks%2 != 0 {
		d.Fail("%s: %d convolutions below controlnet_cond_embedding.blocks, expected an even number: every second one halves the picture: %w", d.Origin(""), blocks, weights.ErrMissing)
	}
	for _, f := range foreign {
		if d.Below(f.path) || src.Has(f.path) {
			d.Fail("%s: tensor %q: this is %s: %w", d.Origin(f.path), f.path, f.kind, weights.ErrUnsupported)
		}
	}
	cfg.Pool = d.Settings.Bool("global_pool_conditions", false)
	if order := d.Settings.String("controlnet_conditioning_channel_order", "rgb"); order != "rgb" {
		d.Settings.Fail("controlnet_conditioning_channel_order", weights.ErrUnsupported, "expected rgb")
	}
	return cfg, joined(err, d.Err())
}

func joined(errs ...error) error {
	var all weights.Mistakes
	for _, err := range errs {
		if err != nil {
			all = append(all, err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// kinds tell models by the width of the text that they read.
var kinds = map[int64]string{768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"}

// kind says what a way down belongs to.
func kind(c unet.Config) string {
	if name := kinds[c.Context]; name != "" {
		return fmt.Sprintf("%s (it reads text of width %d)", name, c.Context)
	}
	return fmt.Sprintf("a model that reads text of width %d", c.Context)
}

// Fits says what keeps the net from being added to a UNet of this configuration: text, vector or states of other widths.
func (c Config) Fits(u unet.Config) error {
	switch own := c.Encoder; {
	case own.Context != u.Context:
		return fmt.Errorf("it is for %s and the model is %s: give a control net of the model's own kind: %w", kind(own), kind(u), weights.ErrShape)
	case own.Vector != u.Vector:
		return fmt.Errorf("it reads a vector of width %d beside the text and the model one of width %d (0 is none): give a control net of the model's own kind: %w",
			own.Vector, u.Vector, weights.ErrShape)
	case own.InChannels != u.InChannels:
		return fmt.Errorf("it takes latents of %d channels and the model has %d: give a control net of the model's own kind: %w", own.InChannels, u.InChannels, weights.ErrShape)
	case !slices.Equal(states(own), states(u)):
		return fmt.Errorf("its states have %d channels and the model's %d: give a control net of the model's own kind: %w", states(own), states(u), weights.ErrShape)
	}
	return nil
}

// states are the channels of the states on the way down.
func states(c unet.Config) []int64 {
	channels := []int64{}
	for i, l := range c.Levels {
		if i == 0 {
			channels = append(channels, l.Channels)
		}
		for range l.Down {
			channels = append(channels, l.Channels)
		}
		if i < len(c.Levels)-1 {
			channels = append(channels, l.Channels)
		}
	}
	return channels
}
