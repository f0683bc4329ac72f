package nodes

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// previewer makes small pictures of latents while they are sampled, far cheaper than decoding them: the colour of a pixel is
// taken as a linear function of the latent's channels. The function is measured, not built in, so it fits every autoencoder:
// by decoding even latents in which one channel at a time is a little more or less than 0.
type previewer struct {
	pipeline *diffusion.Pipeline
	bias     [3]float64
	slope    [][3]float64 // of each channel; nil until it was measured
}

// probe is the side of the even latents that are decoded. Small is cheap, but the border is darker than the middle.
const probe = 8

// draw gives a PNG of the first image of a batch, of the size that the image will have. latent is [B,C,h,w], unscaled.
func (p *previewer) draw(latent torch.Tensor) ([]byte, error) {
	first := latent.Narrow(0, 0, 1).To(torch.Float32).ToDevice(torch.CPU).Contiguous()
	values, shape := first.Float32s(), first.Shape()
	if p.slope == nil {
		if err := p.measure(int(shape[1]), values); err != nil {
			return nil, err
		}
	}
	height, width := int(shape[2]), int(shape[3])
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	for at := range width * height {
		rgb := p.bias
		for c, slope := range p.slope {
			v := float64(values[c*width*height+at])
			for i := range rgb {
				rgb[i] += v * slope[i]
			}
		}
		small.SetRGBA(at%width, at/width, color.RGBA{byteOf(rgb[0]), byteOf(rgb[1]), byteOf(rgb[2]), 255})
	}
	large := image.NewRGBA(image.Rect(0, 0, width*p.pipeline.Factor(), height*p.pipeline.Factor()))
	draw.ApproxBiLinear.Scale(large, large.Rect, small, small.Rect, draw.Src, nil)
	return encodePNG(large, nil)
}

// measure finds bias and slope around 0, with steps as large as the values of a latent are.
func (p *previewer) measure(channels int, values []float32) error {
	square := 0.0
	for _, v := range values {
		square += float64(v) * float64(v)
	}
	step := math.Sqrt(square / float64(len(values)))
	if !(step > 0) || math.IsInf(step, 0) {
		step = 1
	}
	// One latent of zeros, then one more and one less for each channel.
	data := make([]float32, (1+2*channels)*channels*probe*probe)
	for c := range channels {
		for sign, v := range []float32{float32(step), float32(-step)} {
			plane := data[((1+2*c+sign)*channels+c)*probe*probe:]
			for i := range probe * probe {
				plane[i] = v
			}
		}
	}
	images, err := p.pipeline.DecodeLatent(torch.FromFloat32s(data, int64(1+2*channels), int64(channels), probe, probe))
	if err != nil {
		return err
	}
	defer images.Close()
	means := images.Mean([]int64{1, 2}, false).Float32s() // [1+2C,3]
	for i := range p.bias {
		p.bias[i] = float64(means[i])
	}
	p.slope = make([][3]float64, channels)
	for c := range p.slope {
		for i := range p.bias {
			p.slope[c][i] = float64(means[(1+2*c)*3+i]-means[(2+2*c)*3+i]) / (2 * step)
		}
	}
	return nil
}

// byteOf makes a byte of a colour in 0..1; what is not a number becomes 0.
func byteOf(v float64) uint8 {
	if !(v > 0) {
		return 0
	}
	return uint8(min(255*v, 255))
}
