package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/family"
)

type textEncodeSDXLInput struct {
	Clip         *Clip  `mapstructure:"clip" tooltip:"SDXL's two text encoders."`
	Width        int    `mapstructure:"width" default:"1024" min:"0" max:"16384" tooltip:"Width of the picture before cropping, in pixels, as the model is told."`
	Height       int    `mapstructure:"height" default:"1024" min:"0" max:"16384" tooltip:"Height of the picture before cropping, in pixels, as the model is told."`
	CropW        int    `mapstructure:"crop_w" default:"0" min:"0" max:"16384" tooltip:"Where the crop begins, from the left."`
	CropH        int    `mapstructure:"crop_h" default:"0" min:"0" max:"16384" tooltip:"Where the crop begins, from above."`
	TargetWidth  int    `mapstructure:"target_width" default:"1024" min:"0" max:"16384" tooltip:"Width of the crop."`
	TargetHeight int    `mapstructure:"target_height" default:"1024" min:"0" max:"16384" tooltip:"Height of the crop."`
	TextG        string `mapstructure:"text_g" multiline:"true" dynamicPrompts:"true" tooltip:"The text for the second, larger encoder."`
	TextL        string `mapstructure:"text_l" multiline:"true" dynamicPrompts:"true" tooltip:"The text for the first encoder, normally the same. Guidance reads it."`
}

// clipTextEncodeSDXL encodes a text for each of SDXL's encoders, with the sizes that it is told.
func clipTextEncodeSDXL() Node {
	return Define(Meta{
		Class: "CLIPTextEncodeSDXL", DisplayName: "CLIPTextEncodeSDXL", Category: "advanced/conditioning",
		Description: "Encodes texts for SDXL's two text encoders, with the sizes of the picture that it shall be like.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "The encoded texts."}},
	}, func(ctx context.Context, env *Env, in *textEncodeSDXLInput) (Result, error) {
		pipeline := in.Clip.checkpoint.pipeline
		if n := len(pipeline.Family().Text); n != 2 {
			return Result{}, fmt.Errorf("checkpoint %q is %s, which has %d text encoders: CLIPTextEncodeSDXL is for two", in.Clip.checkpoint.name, pipeline.Family().Title, n)
		}
		c, err := pipeline.EncodePrompts(ctx, in.Clip.options(env), in.TextL, in.TextG)
		if err != nil {
			return Result{}, err
		}
		c.Sizes = &family.Sizes{Height: in.Height, Width: in.Width, Top: in.CropH, Left: in.CropW, TargetHeight: in.TargetHeight, TargetWidth: in.TargetWidth}
		if in.TextG != in.TextL {
			c.Notes = append(c.Notes, "the two texts differ: guidance reads text_l, as its words stand at the same tokens for both encoders")
		}
		return Result{Values: []any{newConditioning(c)}}, nil
	})
}
