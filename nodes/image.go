package nodes

import (
	"fmt"
	"image"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// Image is the value of type IMAGE: pictures of one size.
type Image struct {
	held
	// Pixels is [B,H,W,3], float32, 0..1, on the CPU; kept out of all scopes until Close.
	Pixels torch.Tensor
}

// ComfyType is "IMAGE".
func (*Image) ComfyType() string { return "IMAGE" }

// newImage takes pixels [B,H,W,3] over.
func newImage(pixels torch.Tensor) *Image {
	im := &Image{Pixels: pixels.Keep()}
	im.held.free = im.Pixels.Close
	return im
}

// imageFrom makes a value of Go pictures of one size.
func imageFrom(pictures []*image.NRGBA) *Image {
	size := pictures[0].Rect.Size()
	data := make([]float32, 0, len(pictures)*size.X*size.Y*3)
	for _, p := range pictures {
		for i := 0; i < len(p.Pix); i += 4 {
			data = append(data, float32(p.Pix[i])/255, float32(p.Pix[i+1])/255, float32(p.Pix[i+2])/255)
		}
	}
	return newImage(torch.FromFloat32s(data, int64(len(pictures)), int64(size.Y), int64(size.X), 3))
}

// pictures converts to 8 bits as ComfyUI does (see diffusion.Images).
func (im *Image) pictures() ([]*image.NRGBA, error) {
	shape := im.Pixels.Shape()
	if len(shape) != 4 || shape[3] != 3 || im.Pixels.Numel() == 0 {
		return nil, fmt.Errorf("images of shape %v: expected [batch, height, width, 3] with at least one pixel", shape)
	}
	return diffusion.Images(im.Pixels)
}
