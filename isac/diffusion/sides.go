package diffusion

import (
	"github.com/isac-guidance/isac/isac/torch"
)

// part is one conditioning of several as the denoiser evaluates it.
type part struct {
	side
	box      *box         // nil for the whole latent
	weight   torch.Tensor // [1 or B,1,h,w] of the box
	controls []applied
	shared   bool // the controls are for the other side too
	whole    bool // it has no region
}

// parts are the conditionings of both sides of classifier-free guidance, where a side has several, or one for a part of the picture.
type parts struct{ positive, negative []part }

// newParts brings all conditionings of a request to where the denoiser reads them.
func newParts(r *run) (*parts, error) {
	var made parts
	var err error
	if made.positive, err = partsOf(r, r.request.Positive); err != nil || !r.request.needsNegative() {
		return &made, err
	}
	if made.negative, err = partsOf(r, r.request.Negative); err != nil {
		return nil, err
	}
	// What one side says of an area, the other has to say too: what holds the area there is evaluated on it once more.
	made.negative = answered(made.negative, made.positive)
	made.positive = answered(made.positive, made.negative)
	made.negative = controlled(made.negative, made.positive)
	return &made, nil
}

// partsOf are the conditionings that are combined in one.
func partsOf(r *run, c Conditioning) ([]part, error) {
	height, width, f := r.plan.shape[2], r.plan.shape[3], r.p.Factor()
	var made []part
	for _, one := range c.all() {
		text, vector, err := r.p.place(one, int(width)*f, int(height)*f)
		if err != nil {
			return nil, err
		}
		var mask torch.Tensor
		if one.Region != nil && one.Region.Mask.Defined() {
			mask = resizeMask(one.Region.Mask, height, width)
		}
		b := one.Region.box(mask, height, width, f)
		if err := b.within(height, width); err != nil {
			return nil, err
		}
		weight := one.Region.weight(mask, b, height, width)
		if weight.Size(0) > 1 {
			weight = toBatch(toBatch(weight, int64(r.plan.images())), r.plan.shape[0])
		}
		of := box{height: height, width: width}
		if b != nil {
			of = *b
		}
		controls := r.p.controls(one, of.height, of.width, r.controls)
		r.controls = append(r.controls, controls...)
		made = append(made, part{side{text, vector}, b, weight.ToDevice(r.p.device), controls, one.ControlNegative, one.Region == nil})
	}
	return made, nil
}

// answered adds to the parts of a side, for each area of the other side, one of the same area and weight, with the text of the smallest
// part that holds it. Control nets go with the area.
func answered(own, other []part) []part {
	for _, o := range other {
		if o.box == nil {
			continue
		}
		var smallest *part
		for i := range own {
			p := &own[i]
			switch {
			case p.box == nil:
				if smallest == nil {
					smallest = p
				}
			case !p.box.holds(*o.box):
			case smallest == nil || smallest.box == nil || smallest.box.height*smallest.box.width > p.box.height*p.box.width:
				smallest = p
			}
		}
		if smallest != nil && (smallest.box == nil || *smallest.box != *o.box) {
			own = append(own, part{smallest.side, o.box, o.weight, o.controls, o.shared, o.whole})
		}
	}
	return own
}

// controlled has the positive side's control nets that are for both sides control the negative one too, as far as both are for the whole
// latent and the negative side has none of its own.
func controlled(negative, positive []part) []part {
	var free []int
	for i, p := range negative {
		switch {
		case p.box != nil:
		case len(p.controls) > 0:
			return negative
		default:
			free = append(free, i)
		}
	}
	if len(free) == 0 {
		return negative
	}
	given := 0
	for _, p := range positive {
		if p.box == nil && len(p.controls) > 0 && p.shared {
			negative[free[given%len(free)]].controls = p.controls
			given++
		}
	}
	return negative
}

// denoised gives D of images first… of a batch, x [n,C,h,w], with every part evaluated on its area:
//
//	D_side = Σ w·D_part / Σ w,  D = D_negative + cfg·(D_positive − D_negative).
//
// Where no part of a side reaches, its D is 0.
func (d denoiser) denoised(x torch.Tensor, first int64, sigma float64) (combined, negative torch.Tensor, err error) {
	if d.two && d.several.joint() {
		return d.together(x, first, sigma)
	}
	positive, err := d.blend(d.several.positive, x, first, sigma)
	if err != nil || !d.two {
		return positive, negative, err
	}
	if negative, err = d.blend(d.several.negative, x, first, sigma); err != nil {
		return combined, negative, err
	}
	combined, negative = d.combine(negative, positive)
	return combined, negative, nil
}

// joint tells whether both sides are one conditioning for the whole latent, of one length and controlled alike.
func (p *parts) joint() bool {
	if len(p.positive) != 1 || len(p.negative) != 1 {
		return false
	}
	a, b := p.positive[0], p.negative[0]
	return a.whole && b.whole && a.text.Size(1) == b.text.Size(1) && sameControls(a.controls, b.controls)
}

// together is denoised where one evaluation on [negative; positive] does for both sides.
func (d denoiser) together(x torch.Tensor, first int64, sigma float64) (combined, negative torch.Tensor, err error) {
	noise, n := d.p.noise, x.Size(0)
	positive, other := d.several.positive[0], d.several.negative[0]
	in := noise.Input(x, sigma).To(d.p.model.Denoiser.DType())
	text, vector := torch.Cat([]torch.Tensor{repeated(other.text, n), repeated(positive.text, n)}, 0), torch.Tensor{}
	if positive.vector.Defined() {
		vector = torch.Cat([]torch.Tensor{repeated(other.vector, n), repeated(positive.vector, n)}, 0)
	}
	d.cost.add(2 * n)
	y, err := d.p.forward(d.ctx, positive.controls, torch.Cat([]torch.Tensor{in, in}, 0), 2, first, sigma, text, vector)
	if err != nil {
		return combined, negative, err
	}
	y = y.To(torch.Float32)
	combined, negative = d.combine(noise.Denoised(x, y.Narrow(0, 0, n), sigma), noise.Denoised(x, y.Narrow(0, n, n), sigma))
	return combined, negative, nil
}

// blend is the D of one side.
func (d denoiser) blend(side []part, x torch.Tensor, first int64, sigma float64) (torch.Tensor, error) {
	noise, n := d.p.noise, x.Size(0)
	dtype := d.p.model.Denoiser.DType()
	sum := x.ZerosLike()
	weights := x.ZerosLike().AddScalar(nothing)
	for _, p := range side {
		at := p.box.cut(x).Contiguous()
		d.cost.add(n)
		y, err := d.p.forward(d.ctx, p.controls, noise.Input(at, sigma).To(dtype), 1, first, sigma, repeated(p.text, n), repeated(p.vector, n))
		if err != nil {
			return torch.Tensor{}, err
		}
		w := p.weight
		if w.Size(0) > 1 {
			w = w.Narrow(0, first, n)
		}
		p.box.cut(sum).AddInPlace(noise.Denoised(at, y.To(torch.Float32), sigma).Mul(w))
		p.box.cut(weights).AddInPlace(w.Expand(at.Shape()...))
	}
	return sum.Div(weights), nil
}

// nothing is the weight of a place that no part reaches: what is divided by it is 0.
const nothing = 1e-37
