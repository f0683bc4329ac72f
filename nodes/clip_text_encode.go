package nodes

import "context"

type textEncodeInput struct {
	Text string `mapstructure:"text" multiline:"true" dynamicPrompts:"true" tooltip:"The text to encode, of any length, with weights such as (cat:1.2) and embedding:name."`
	Clip *Clip  `mapstructure:"clip" tooltip:"The text encoder."`
}

// clipTextEncode encodes a text for a diffusion model.
func clipTextEncode() Node {
	return Define(Meta{
		Class: "CLIPTextEncode", DisplayName: "CLIP Text Encode (Prompt)", Category: "conditioning",
		Description: "Encodes a text into what steers a diffusion model.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "The encoded text."}},
	}, func(ctx context.Context, env *Env, in *textEncodeInput) (Result, error) {
		c, err := in.Clip.checkpoint.pipeline.EncodePrompts(ctx, in.Clip.options(env), in.Text)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newConditioning(c)}}, nil
	})
}
