package diffusion

import (
	"context"
	"fmt"
	"image"
	"image/color"

	"github.com/isac-guidance/isac/isac/torch"
)

// DecodeLatent maps latents [B,C,h,w] (unscaled) to images [B,H,W,3] in 0..1, float32, on the CPU, kept. Images are decoded one at a time,
// so that only the pictures' own memory grows with the batch. Too much for what there is of it is a *MemoryError.
func (a *Autoencoder) DecodeLatent(latent torch.Tensor) (torch.Tensor, error) {
	return a.DecodeLatentContext(context.Background(), latent)
}

// DecodeLatentContext is DecodeLatent, and stops between two images with ctx's error once ctx is done.
func (a *Autoencoder) DecodeLatentContext(ctx context.Context, latent torch.Tensor) (torch.Tensor, error) {
	return a.decodeBy(ctx, latent, nil)
}

// decodeBy decodes in the tiles that are asked for, or as LoadOptions.Tiling says.
func (a *Autoencoder) decodeBy(ctx context.Context, latent torch.Tensor, tile *Tile) (torch.Tensor, error) {
	s := latent.Shape()
	if len(s) != 4 || s[1] != int64(a.LatentChannels()) {
		return torch.Tensor{}, fmt.Errorf("decode latent: shape %v, expected [B %d h w] for this model", s, a.LatentChannels())
	}
	var out torch.Tensor
	err := a.frugally(s, tile, func(tile *Tile) (err error) {
		torch.NoGrad(func() { out, err = a.decode(ctx, latent, tile) })
		return err
	})
	if err != nil {
		return torch.Tensor{}, fmt.Errorf("decode latent: %w", err)
	}
	return out, nil
}

// DecodeEmpty is DecodeLatentContext of a batch of latents that are all 0, for images of width×height pixels. They are made one at a time.
func (a *Autoencoder) DecodeEmpty(ctx context.Context, width, height, batch int) (torch.Tensor, error) {
	return a.decodeEmpty(ctx, width, height, batch, nil)
}

func (a *Autoencoder) decodeEmpty(ctx context.Context, width, height, batch int, tile *Tile) (torch.Tensor, error) {
	f := a.Factor()
	shape := []int64{int64(batch), int64(a.LatentChannels()), int64(height / f), int64(width / f)}
	if batch < 1 || width < f || height < f {
		return torch.Tensor{}, fmt.Errorf("decode latent: %d images of %d×%d pixels, expected at least one of %d×%d", batch, width, height, f, f)
	}
	if tile == nil {
		tile = a.tiles(shape)
	}
	if err := a.mayDecode(shape, tile); err != nil { // before there are latents
		return torch.Tensor{}, fmt.Errorf("decode latent: %w", err)
	}
	var images torch.Tensor
	err := torch.InScope(func() (err error) {
		one := torch.Zeros([]int64{1, shape[1], shape[2], shape[3]}, torch.Float32, torch.CPU)
		images, err = a.decodeBy(ctx, one.Expand(shape...), tile)
		return err
	})
	return images, err
}

// decode decodes latents into pictures, which are kept.
func (a *Autoencoder) decode(ctx context.Context, latent torch.Tensor, tile *Tile) (torch.Tensor, error) {
	s, f := latent.Shape(), int64(a.Factor())
	out := torch.Zeros([]int64{s[0], s[2] * f, s[3] * f, a.model.Config.ImageChannels}, torch.Float32, torch.CPU)
	for i := range s[0] {
		if err := ctx.Err(); err != nil {
			return torch.Tensor{}, err
		}
		var err error
		torch.WithScope(func() []torch.Tensor {
			z := latent.Narrow(0, i, 1)
			var x torch.Tensor
			if tile != nil {
				if x, err = a.model.DecodeTiled(ctx, z, tile.in(a.Factor())); err != nil {
					return nil
				}
			} else {
				x = a.model.Decode(z.To(a.model.DType()).ToDevice(a.model.Device()))
			}
			x = x.To(torch.Float32).MulScalar(0.5).AddScalar(0.5).Clamp(0, 1)
			out.Narrow(0, i, 1).CopyFrom(x.Permute(0, 2, 3, 1))
			return nil
		})
		if err != nil {
			return torch.Tensor{}, err
		}
	}
	if !out.AllFinite() {
		return torch.Tensor{}, fmt.Errorf("the image has values that are not finite: %w", ErrNotFinite)
	}
	return out.Keep(), nil
}

// EncodeImage maps images [B,H,W,3] in 0..1 to the mean of their latents [B,C,h,w], unscaled, float32, on the CPU, kept. Sides have to be
// multiples of Factor. It stops between two images with ctx's error once ctx is done.
func (a *Autoencoder) EncodeImage(ctx context.Context, images torch.Tensor) (torch.Tensor, error) {
	return a.encodeBy(ctx, images, nil)
}

// encodeBy encodes in the tiles that are asked for, or as LoadOptions.Tiling says.
func (a *Autoencoder) encodeBy(ctx context.Context, images torch.Tensor, tile *Tile) (torch.Tensor, error) {
	s, f := images.Shape(), int64(a.Factor())
	if len(s) != 4 || s[3] != a.model.Config.ImageChannels {
		return torch.Tensor{}, fmt.Errorf("encode image: shape %v, expected [B H W %d]", s, a.model.Config.ImageChannels)
	}
	if s[1]%f != 0 || s[2]%f != 0 || s[1] == 0 || s[2] == 0 {
		return torch.Tensor{}, fmt.Errorf("encode image: %d×%d pixels, expected multiples of %d: crop or resize it", s[2], s[1], f)
	}
	var out torch.Tensor
	// The encoder takes what the decoder takes, the other way round.
	err := a.frugally([]int64{s[0], int64(a.LatentChannels()), s[1] / f, s[2] / f}, tile, func(tile *Tile) (err error) {
		torch.NoGrad(func() { out, err = a.encode(ctx, images, tile) })
		return err
	})
	if err != nil {
		return torch.Tensor{}, fmt.Errorf("encode image: %w", err)
	}
	return out, nil
}

func (a *Autoencoder) encode(ctx context.Context, images torch.Tensor, tile *Tile) (torch.Tensor, error) {
	latents := make([]torch.Tensor, images.Size(0))
	for i := range latents {
		if err := ctx.Err(); err != nil {
			return torch.Tensor{}, err
		}
		var err error
		latents[i] = torch.Scoped(func() torch.Tensor {
			x := images.Narrow(0, int64(i), 1).Permute(0, 3, 1, 2).MulScalar(2).SubScalar(1)
			var z torch.Tensor
			if tile != nil {
				z, err = a.model.EncodeTiled(ctx, x, tile.in(1))
			} else {
				z, err = a.model.Encode(x.ToDevice(a.model.Device()).To(a.model.DType()).Contiguous())
			}
			if err != nil {
				return torch.Tensor{}
			}
			return z.To(torch.Float32).ToDevice(torch.CPU)
		})
		if err != nil {
			return torch.Tensor{}, err
		}
	}
	return torch.Cat(latents, 0).Keep(), nil
}

// Images turns a tensor [B,H,W,3] in 0..1 into images. A value v becomes the byte ⌊255·v⌋, as in ComfyUI.
func Images(t torch.Tensor) ([]*image.NRGBA, error) {
	s := t.Shape()
	if len(s) != 4 || s[3] != 3 {
		return nil, fmt.Errorf("images: shape %v, expected [B H W 3]", s)
	}
	out := make([]*image.NRGBA, s[0])
	height, width := int(s[1]), int(s[2])
	for b := range out {
		var values []float32
		err := torch.InScope(func() error { // one at a time: values take three times as much as the image
			values = t.Narrow(0, int64(b), 1).To(torch.Float32).ToDevice(torch.CPU).Contiguous().Float32s()
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("images: %w", err)
		}
		out[b] = image.NewNRGBA(image.Rect(0, 0, width, height))
		for i := range height * width {
			v := values[i*3:]
			out[b].SetNRGBA(i%width, i/width, color.NRGBA{R: byteOf(v[0]), G: byteOf(v[1]), B: byteOf(v[2]), A: 255})
		}
	}
	return out, nil
}

func byteOf(v float32) uint8 { return uint8(min(max(255*v, 0), 255)) }
