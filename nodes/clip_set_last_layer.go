package nodes

import "context"

type lastLayerInput struct {
	Clip *Clip `mapstructure:"clip" tooltip:"The text encoder."`
	Stop int   `mapstructure:"stop_at_clip_layer" default:"-1" min:"-24" max:"-1" step:"1" tooltip:"Which layer is read, counted from the end: -1 is the last, -2 the one before, which many models were trained with."`
}

// clipSetLastLayer has a text encoder read an earlier layer.
func clipSetLastLayer() Node {
	return Define(Meta{
		Class: "CLIPSetLastLayer", DisplayName: "CLIP Set Last Layer", Category: "conditioning",
		Description: "Has the text encoder stop at an earlier layer (CLIP skip).",
		Outputs:     []Output{{Type: "CLIP", Name: "CLIP", Tooltip: "The text encoder that stops there."}},
	}, func(_ context.Context, _ *Env, in *lastLayerInput) (Result, error) {
		clip := in.Clip.on(in.Clip.checkpoint.share())
		clip.stopAt = in.Stop
		return Result{Values: []any{clip}}, nil
	})
}
