package diffusion

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// Region says where in the picture a conditioning holds, and how strongly beside the others that it is combined with. The zero value
// but for Strength and MaskStrength, which are 1, is the whole picture.
type Region struct {
	// Area is the part of the picture that the model sees with this conditioning, nil for all of it.
	Area *Area
	// Strength weighs the conditioning against others of the same place.
	Strength float64
	// Mask weighs each place of the picture, [M,H,W] in 0..1 at any size, kept; undefined for 1 everywhere.
	Mask torch.Tensor
	// MaskStrength multiplies Mask.
	MaskStrength float64
	// ToBounds makes Area the smallest rectangle that holds what is not 0 of Mask.
	ToBounds bool
}

// Area is a rectangle in a picture, in pixels of the picture, or where Share is set in shares of its sides.
type Area struct {
	Height, Width, Top, Left float64
	Share                    bool
}

// close frees the mask.
func (r *Region) close() {
	if r != nil && r.Mask.Defined() {
		r.Mask.Close()
		r.Mask = torch.Tensor{}
	}
}

// clone gives a region that is closed on its own.
func (r *Region) clone() *Region {
	if r == nil {
		return nil
	}
	c := *r
	if r.Mask.Defined() {
		c.Mask = r.Mask.Clone().Keep()
	}
	if r.Area != nil {
		area := *r.Area
		c.Area = &area
	}
	return &c
}

// box is a rectangle in a latent.
type box struct{ height, width, top, left int64 }

// holds tells whether all of o lies within b.
func (b box) holds(o box) bool {
	return o.top >= b.top && o.left >= b.left && o.top+o.height <= b.top+b.height && o.left+o.width <= b.left+b.width
}

// cut is the box's part of x [B,C,H,W].
func (b *box) cut(x torch.Tensor) torch.Tensor {
	if b == nil {
		return x
	}
	return x.Narrow(2, b.top, b.height).Narrow(3, b.left, b.width)
}

// leastBox is the shortest side of a mask's bounds in the latent, as in ComfyUI.
const leastBox = 8

// box gives the region's area in a latent of height×width whose pixels are factor of the picture's; nil for all of it. mask is the region's,
// resized to the latent, undefined where there is none.
func (r *Region) box(mask torch.Tensor, height, width int64, factor int) *box {
	switch {
	case r == nil:
		return nil
	case mask.Defined() && r.ToBounds:
		return bounds(mask)
	case r.Area == nil:
		return nil
	case r.Area.Share:
		a := r.Area
		part := func(share float64, side int64) int64 { return int64(math.RoundToEven(share * float64(side))) }
		return &box{max(1, part(a.Height, height)), max(1, part(a.Width, width)), part(a.Top, height), part(a.Left, width)}
	}
	latent := func(pixels float64) int64 { return int64(pixels) / int64(factor) }
	return &box{latent(r.Area.Height), latent(r.Area.Width), latent(r.Area.Top), latent(r.Area.Left)}
}

// bounds is the smallest box, of at least leastBox a side, that holds what is not 0 in mask [M,H,W].
func bounds(mask torch.Tensor) *box {
	plane := mask.Abs().Amax([]int64{0}, false)
	side := func(other int64) (first, last int64) {
		at := plane.Amax([]int64{other}, false).Nonzero().Int64s()
		if len(at) == 0 {
			return 0, -1
		}
		return at[0], at[len(at)-1]
	}
	top, bottom := side(1)
	left, right := side(0)
	return &box{max(leastBox, bottom-top+1), max(leastBox, right-left+1), top, left}
}

// within cuts a box at the latent's edges. One that begins beyond them is a mistake.
func (b *box) within(height, width int64) error {
	if b == nil {
		return nil
	}
	if b.top >= height || b.left >= width {
		return fmt.Errorf("an area of the conditioning begins at %d, %d of a latent of %d×%d (left, top; width×height): expected one within the picture", b.left, b.top, width, height)
	}
	b.height, b.width = min(b.height, height-b.top), min(b.width, width-b.left)
	if b.height < 1 || b.width < 1 {
		return fmt.Errorf("an area of the conditioning has %d×%d pixels of the latent: expected at least one", b.width, b.height)
	}
	return nil
}

// fade is over how many pixels of the latent an area without mask gets weaker towards the edges that are not the picture's.
const fade = 8

// weight is how much the region's conditioning counts at each place of its box, [M,1,h,w], for latents of height×width. mask is as in box.
func (r *Region) weight(mask torch.Tensor, b *box, height, width int64) torch.Tensor {
	whole := box{height: height, width: width}
	if b != nil {
		whole = *b
	}
	if mask.Defined() {
		return b.cut(mask.Unsqueeze(1)).MulScalar(r.MaskStrength * r.Strength)
	}
	strength := 1.0
	if r != nil {
		strength = r.Strength
	}
	values := make([]float32, whole.height*whole.width)
	down, across := ramp(whole.height, whole.top, height, b != nil), ramp(whole.width, whole.left, width, b != nil)
	for i := range values {
		values[i] = float32(strength) * down[i/int(whole.width)] * across[i%int(whole.width)]
	}
	return torch.FromFloat32s(values, 1, 1, whole.height, whole.width)
}

// ramp is how much each place counts along a side of an area: less and less towards an edge that is not the picture's own.
func ramp(length, start, side int64, area bool) []float32 {
	out := make([]float32, length)
	for i := range out {
		out[i] = 1
	}
	if !area {
		return out
	}
	n := min(fade, length/4)
	for t := range n {
		share := float32(1 / float64(n) * float64(t+1))
		if start != 0 {
			out[t] *= share
		}
		if start+length < side {
			out[length-1-t] *= share
		}
	}
	return out
}
