package nodes

import (
	"fmt"
	"image"

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

// pictures converts to 8 bits as ComfyUI does: 255·v cut to 0..255, towards zero.
func (im *Image) pictures() ([]*image.NRGBA, error) {
	shape := im.Pixels.Shape()
	if len(shape) != 4 || shape[3] != 3 || im.Pixels.Numel() == 0 {
		return nil, fmt.Errorf("images of shape %v: expected [batch, height, width, 3] with at least one pixel", shape)
	}
	count, height, width := int(shape[0]), int(shape[1]), int(shape[2])
	data := im.Pixels.To(torch.Float32).ToDevice(torch.CPU).Float32s()
	pictures := make([]*image.NRGBA, count)
	for b := range pictures {
		p := image.NewNRGBA(image.Rect(0, 0, width, height))
		for i := range width * height {
			rgb := data[(b*width*height+i)*3:]
			for c := range 3 {
				p.Pix[i*4+c] = byteOf(rgb[c])
			}
			p.Pix[i*4+3] = 255
		}
		pictures[b] = p
	}
	return pictures, nil
}

// byteOf is written so that a NaN becomes 0.
func byteOf(v float32) uint8 {
	switch v *= 255; {
	case v >= 255:
		return 255
	case v > 0:
		return uint8(v)
	}
	return 0
}
