package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/torch"
)

type imageBatchInput struct {
	First  *Image `mapstructure:"image1" tooltip:"The first images."`
	Second *Image `mapstructure:"image2" tooltip:"The images behind them; of another size they are brought to the first ones', cut to its shape."`
}

// imageBatch puts images together.
func imageBatch() Node {
	return Define(Meta{
		Class: "ImageBatch", DisplayName: "Batch Images", Category: "image",
		Description: "Makes one batch of two.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "All images."}},
	}, func(_ context.Context, _ *Env, in *imageBatchInput) (Result, error) {
		a, b := in.First.Pixels, in.Second.Pixels
		if a.Size(1) != b.Size(1) || a.Size(2) != b.Size(2) {
			x, err := resize(layer.Middle(b.Permute(0, 3, 1, 2), a.Size(1), a.Size(2)).Contiguous(), a.Size(2), a.Size(1), "bilinear")
			if err != nil {
				return Result{}, err
			}
			b = x.Permute(0, 2, 3, 1)
		}
		return Result{Values: []any{newImage(torch.Cat([]torch.Tensor{a, b}, 0))}}, nil
	})
}
