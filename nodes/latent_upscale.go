package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/torch"
)

type latentUpscaleInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The latents to resize."`
	Method  string  `mapstructure:"upscale_method" combo:"nearest-exact,bilinear,area,bicubic,bislerp" tooltip:"How values between are made."`
	Width   int     `mapstructure:"width" default:"512" min:"0" max:"16384" step:"8" tooltip:"The images' new width, in pixels. 0: what keeps the shape."`
	Height  int     `mapstructure:"height" default:"512" min:"0" max:"16384" step:"8" tooltip:"The images' new height, in pixels. 0: what keeps the shape."`
	Crop    string  `mapstructure:"crop" combo:"disabled,center" tooltip:"Whether what is over in another shape is cut off, or the latents are stretched."`
}

// leastSide is the shortest side, in pixels, that LatentUpscale makes, as in ComfyUI.
const leastSide = 64

// latentUpscale resizes latents to a size.
func latentUpscale() Node {
	return Define(Meta{
		Class: "LatentUpscale", DisplayName: "Upscale Latent", Category: "latent",
		Description: "Resizes latents to the width and height of their images.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The resized latents."}},
	}, func(_ context.Context, _ *Env, in *latentUpscaleInput) (Result, error) {
		l, width, height := in.Samples, int64(in.Width), int64(in.Height)
		switch {
		case width == 0 && height == 0:
			return Result{Values: []any{l.clone()}}, nil
		case width == 0:
			height = max(leastSide, height)
			width = quotient(int64(l.Width)*height, int64(l.Height))
		case height == 0:
			width = max(leastSide, width)
			height = quotient(int64(l.Height)*width, int64(l.Width))
		}
		return l.resized(max(leastSide, width), max(leastSide, height), in.Method, in.Crop == "center")
	})
}

type latentUpscaleByInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The latents to resize."`
	Method  string  `mapstructure:"upscale_method" combo:"nearest-exact,bilinear,area,bicubic,bislerp" tooltip:"How values between are made."`
	By      float64 `mapstructure:"scale_by" default:"1.5" min:"0.01" max:"8.0" step:"0.01" tooltip:"What both sides are multiplied with."`
}

// latentUpscaleBy resizes latents by a factor.
func latentUpscaleBy() Node {
	return Define(Meta{
		Class: "LatentUpscaleBy", DisplayName: "Upscale Latent By", Category: "latent",
		Description: "Resizes latents by a factor.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The resized latents."}},
	}, func(_ context.Context, _ *Env, in *latentUpscaleByInput) (Result, error) {
		l := in.Samples
		if !l.Samples.Defined() {
			return l.resized(scaledSide(int64(l.Width), in.By), scaledSide(int64(l.Height), in.By), in.Method, false)
		}
		f := int64(l.factor())
		return l.resized(f*scaledSide(l.Samples.Size(3), in.By), f*scaledSide(l.Samples.Size(2), in.By), in.Method, false)
	})
}

// resized gives the latents for images of another size, in pixels. A latent that is empty only gets the size.
func (l *Latent) resized(width, height int64, method string, crop bool) (Result, error) {
	if !l.Samples.Defined() {
		made := l.like(torch.Tensor{})
		made.Width, made.Height = int(width), int(height)
		return Result{Values: []any{made}}, nil
	}
	f := int64(l.factor())
	x := l.Samples
	if crop && width >= f && height >= f {
		x = layer.Middle(x, height/f, width/f).Contiguous()
	}
	x, err := resize(x, width/f, height/f, method)
	if err != nil {
		return Result{}, err
	}
	return Result{Values: []any{l.like(x)}}, nil
}
