package nodes

import (
	"context"
	"errors"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
)

type imageScaleInput struct {
	Image  *Image `mapstructure:"image" tooltip:"The images to resize."`
	Method string `mapstructure:"upscale_method" combo:"nearest-exact,bilinear,area,bicubic,lanczos" tooltip:"How pixels between are made."`
	Width  int    `mapstructure:"width" default:"512" min:"0" max:"16384" step:"1" tooltip:"The new width, in pixels. 0: what keeps the shape."`
	Height int    `mapstructure:"height" default:"512" min:"0" max:"16384" step:"1" tooltip:"The new height, in pixels. 0: what keeps the shape."`
	Crop   string `mapstructure:"crop" combo:"disabled,center" tooltip:"Whether what is over in another shape is cut off, or the images are stretched."`
}

// imageScale resizes images to a size.
func imageScale() Node {
	return Define(Meta{
		Class: "ImageScale", DisplayName: "Upscale Image", Category: "image/upscaling",
		Description: "Resizes images to a width and height.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "The resized images."}},
	}, func(_ context.Context, env *Env, in *imageScaleInput) (Result, error) {
		shape := in.Image.Pixels.Shape()
		width, height := int64(in.Width), int64(in.Height)
		switch {
		case width == 0 && height == 0:
			return Result{Values: []any{newImage(in.Image.Pixels.Clone())}}, nil
		case width == 0:
			width = max(1, quotient(shape[2]*height, shape[1]))
		case height == 0:
			height = max(1, quotient(shape[1]*width, shape[2]))
		}
		return in.Image.resized(env, width, height, in.Method, in.Crop == "center")
	})
}

type imageScaleByInput struct {
	Image  *Image  `mapstructure:"image" tooltip:"The images to resize."`
	Method string  `mapstructure:"upscale_method" combo:"nearest-exact,bilinear,area,bicubic,lanczos" tooltip:"How pixels between are made."`
	By     float64 `mapstructure:"scale_by" default:"1.0" min:"0.01" max:"8.0" step:"0.01" tooltip:"What both sides are multiplied with."`
}

// imageScaleBy resizes images by a factor.
func imageScaleBy() Node {
	return Define(Meta{
		Class: "ImageScaleBy", DisplayName: "Upscale Image By", Category: "image/upscaling",
		Description: "Resizes images by a factor.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "The resized images."}},
	}, func(_ context.Context, env *Env, in *imageScaleByInput) (Result, error) {
		shape := in.Image.Pixels.Shape()
		return in.Image.resized(env, scaledSide(shape[2], in.By), scaledSide(shape[1], in.By), in.Method, false)
	})
}

// resized gives the images at another size.
func (im *Image) resized(env *Env, width, height int64, method string, crop bool) (Result, error) {
	x := im.Pixels.Permute(0, 3, 1, 2)
	if x.Numel() == 0 {
		return Result{}, errors.New("there is no pixel to resize")
	}
	// The new pictures, and once more what they are made in.
	if err := diffusion.CheckMemory("resized images", 2*3*4*float64(x.Size(0))*float64(width)*float64(height), env.maxMemory()); err != nil {
		return Result{}, err
	}
	if crop && width > 0 && height > 0 {
		x = layer.Middle(x, height, width)
	}
	x, err := resize(x.Contiguous(), width, height, method)
	if err != nil {
		return Result{}, err
	}
	return Result{Values: []any{newImage(x.Permute(0, 2, 3, 1).Contiguous())}}, nil
}
