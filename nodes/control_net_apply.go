package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
)

type controlApplyInput struct {
	Conditioning *Conditioning `mapstructure:"conditioning" tooltip:"What the control net goes with."`
	Net          *ControlNet   `mapstructure:"control_net" tooltip:"The control net, of the kind of model that is sampled."`
	Image        *Image        `mapstructure:"image" tooltip:"What the net follows, drawn as it was trained: edges, depth, poses. It is brought to the size of the picture; of several each image of a batch takes one in turn."`
	Strength     float64       `mapstructure:"strength" default:"1.0" min:"0.0" max:"10.0" step:"0.01" tooltip:"How strongly the net is followed. 0 is not at all."`
}

// controlNetApply has a control net go with a conditioning, and with the other side of classifier-free guidance.
func controlNetApply() Node {
	return Define(Meta{
		Class: "ControlNetApply", DisplayName: "Apply ControlNet (OLD)", Category: "conditioning/controlnet",
		Description: "Has a control net go with a conditioning, and with the negative one where that has none. Several nets in a row add up. Guidance sees what they do.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "The conditioning with the control net."}},
	}, func(_ context.Context, _ *Env, in *controlApplyInput) (Result, error) {
		made := in.Net.on(in.Conditioning, in.Image, in.Strength, 0, 1, true)
		return Result{Values: []any{made}}, nil
	})
}

type controlApplyAdvancedInput struct {
	Positive *Conditioning `mapstructure:"positive" tooltip:"What the picture shall show."`
	Negative *Conditioning `mapstructure:"negative" tooltip:"What it shall not show."`
	Net      *ControlNet   `mapstructure:"control_net" tooltip:"The control net, of the kind of model that is sampled."`
	Image    *Image        `mapstructure:"image" tooltip:"What the net follows, drawn as it was trained: edges, depth, poses. It is brought to the size of the picture; of several each image of a batch takes one in turn."`
	Strength float64       `mapstructure:"strength" default:"1.0" min:"0.0" max:"10.0" step:"0.01" tooltip:"How strongly the net is followed. 0 is not at all."`
	Start    float64       `mapstructure:"start_percent" default:"0.0" min:"0.0" max:"1.0" step:"0.001" tooltip:"From which share of the way from noise to picture on the net is followed."`
	End      float64       `mapstructure:"end_percent" default:"1.0" min:"0.0" max:"1.0" step:"0.001" tooltip:"To which share of the way it is."`
	VAE      *VAE          `mapstructure:"vae" optional:"true" tooltip:"For control nets that read latents. Those that can be loaded read pictures and have no use for it."`
}

// controlNetApplyAdvanced has a control net go with both sides of classifier-free guidance, for a part of the run.
func controlNetApplyAdvanced() Node {
	return Define(Meta{
		Class: "ControlNetApplyAdvanced", DisplayName: "Apply ControlNet", Category: "conditioning/controlnet",
		Description: "Has a control net go with a positive and a negative conditioning, for the whole run or a part of it. Several nets in a row add up. Guidance sees what they do.",
		Outputs: []Output{
			{Type: "CONDITIONING", Name: "positive", Tooltip: "The positive conditioning with the control net."},
			{Type: "CONDITIONING", Name: "negative", Tooltip: "The negative conditioning with the control net."},
		},
	}, func(_ context.Context, _ *Env, in *controlApplyAdvancedInput) (Result, error) {
		return Result{Values: []any{
			in.Net.on(in.Positive, in.Image, in.Strength, in.Start, in.End, false),
			in.Net.on(in.Negative, in.Image, in.Strength, in.Start, in.End, false),
		}}, nil
	})
}

// on gives a conditioning with the net; one of no strength is left out.
func (n *ControlNet) on(c *Conditioning, image *Image, strength, start, end float64, both bool) *Conditioning {
	if strength == 0 {
		return newConditioning(c.Encoded.Clone())
	}
	return newConditioning(c.Encoded.WithControl(diffusion.Control{
		Net: n.net, Picture: image.Pixels.Permute(0, 3, 1, 2), Strength: strength, Start: start, End: end,
	}, both))
}
