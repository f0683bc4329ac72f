package nodes

import (
	"context"
	"errors"
	"slices"
	"strings"
)

type maskToImageInput struct {
	Mask *Mask `mapstructure:"mask" tooltip:"The mask to look at."`
}

// maskToImage makes grey images of a mask.
func maskToImage() Node {
	return Define(Meta{
		Class: "MaskToImage", DisplayName: "Convert Mask to Image", Category: "mask",
		Description: "Makes images of a mask: white where it is 1.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "The mask as images."}},
	}, func(_ context.Context, _ *Env, in *maskToImageInput) (Result, error) {
		if err := in.Mask.check(); err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newImage(in.Mask.Planes.Unsqueeze(3).Repeat(1, 1, 1, 3))}}, nil
	})
}

type imageToMaskInput struct {
	Image   *Image `mapstructure:"image" tooltip:"The images."`
	Channel string `mapstructure:"channel" combo:"red,green,blue,alpha" tooltip:"Which channel becomes the mask."`
}

// imageToMask takes a channel of images as a mask.
func imageToMask() Node {
	return Define(Meta{
		Class: "ImageToMask", DisplayName: "Convert Image to Mask", Category: "mask",
		Description: "Takes one channel of images as a mask.",
		Outputs:     []Output{{Type: "MASK", Name: "MASK", Tooltip: "The channel."}},
	}, func(_ context.Context, _ *Env, in *imageToMaskInput) (Result, error) {
		channel := slices.Index(strings.Split("red,green,blue", ","), in.Channel)
		if channel < 0 {
			return Result{}, errors.New("the images have no alpha channel: expected red, green or blue; Load Image gives a file's alpha as its mask")
		}
		return Result{Values: []any{newMask(in.Image.Pixels.Select(3, int64(channel)).Clone())}}, nil
	})
}

type invertMaskInput struct {
	Mask *Mask `mapstructure:"mask" tooltip:"The mask."`
}

// invertMask turns a mask round.
func invertMask() Node {
	return Define(Meta{
		Class: "InvertMask", DisplayName: "InvertMask", Category: "mask",
		Description: "Makes 1 of 0 and 0 of 1.",
		Outputs:     []Output{{Type: "MASK", Name: "MASK", Tooltip: "The mask, turned round."}},
	}, func(_ context.Context, _ *Env, in *invertMaskInput) (Result, error) {
		return Result{Values: []any{newMask(in.Mask.Planes.Neg().AddScalar(1))}}, nil
	})
}
