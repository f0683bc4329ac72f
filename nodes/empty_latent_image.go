package nodes

import "context"

type emptyLatentInput struct {
	Width  int `mapstructure:"width" default:"512" min:"16" max:"16384" step:"8" tooltip:"Width of the images, in pixels."`
	Height int `mapstructure:"height" default:"512" min:"16" max:"16384" step:"8" tooltip:"Height of the images, in pixels."`
	Batch  int `mapstructure:"batch_size" default:"1" min:"1" max:"4096" tooltip:"How many images are made at once."`
}

// emptyLatentImage makes a latent that has a size in pixels and no samples yet. ComfyUI divides by 8 here, which only fits
// autoencoders of that factor; the first node that knows the model (KSampler, VAEDecode) makes zeros of the right shape.
func emptyLatentImage() Node {
	return Define(Meta{
		Class: "EmptyLatentImage", DisplayName: "Empty Latent Image", Category: "latent",
		Description: "Makes empty latents of a size, to be filled by sampling.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The empty latents."}},
	}, func(_ context.Context, _ *Env, in *emptyLatentInput) (Result, error) {
		return Result{Values: []any{&Latent{Width: in.Width, Height: in.Height, Batch: in.Batch}}}, nil
	})
}

type emptySD3LatentInput struct {
	Width  int `mapstructure:"width" default:"1024" min:"16" max:"16384" step:"16" tooltip:"Width of the images, in pixels."`
	Height int `mapstructure:"height" default:"1024" min:"16" max:"16384" step:"16" tooltip:"Height of the images, in pixels."`
	Batch  int `mapstructure:"batch_size" default:"1" min:"1" max:"4096" tooltip:"How many images are made at once."`
}

// emptySD3LatentImage is emptyLatentImage with Stable Diffusion 3's sizes; channels are the model's here too.
func emptySD3LatentImage() Node {
	return Define(Meta{
		Class: "EmptySD3LatentImage", DisplayName: "EmptySD3LatentImage", Category: "latent/sd3",
		Description: "Makes empty latents of a size for Stable Diffusion 3, to be filled by sampling.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The empty latents."}},
	}, func(_ context.Context, _ *Env, in *emptySD3LatentInput) (Result, error) {
		return Result{Values: []any{&Latent{Width: in.Width, Height: in.Height, Batch: in.Batch}}}, nil
	})
}
