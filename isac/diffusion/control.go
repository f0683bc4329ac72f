package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/controlnet"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/torch"
)

// Control is a control net and the picture that it sees, as a conditioning has it.
type Control struct {
	// Net is shared.
	Net *ControlNet
	// Picture is [B,3,H,W] in 0..1 at any size, kept: it is brought to the latents' by the nearest pixel, its middle cut out where its shape
	// differs. Images of a batch take its pictures in turn.
	Picture torch.Tensor
	// Strength multiplies what the net adds.
	Strength float64
	// Start and End are the shares of the way from noise to picture between which the net is asked, 0 and 1 for all of it.
	Start, End float64
}

func (c Control) clone() Control {
	c.Net, c.Picture = c.Net.share(), c.Picture.Clone().Keep()
	return c
}

func (c Control) close() {
	c.Net.Close()
	c.Picture.Close()
}

// WithControl gives c with one more control net, for each of its conditionings; what nets add is summed. negative has the other side
// of classifier-free guidance controlled too, where it has no control net of its own, as ComfyUI's ControlNetApply does it. The result is
// closed on its own; control stays the caller's.
func (c Conditioning) WithControl(control Control, negative bool) Conditioning {
	made := c.Clone()
	for _, one := range append([]*Conditioning{&made}, pointers(made.More)...) {
		one.Controls = append(one.Controls, control.clone())
		one.ControlNegative = negative
	}
	return made
}

// checkControls says what keeps a conditioning's control nets from being run with the pipeline.
func (p *Pipeline) checkControls(c Conditioning) error {
	var errs []error
	for i, control := range c.Controls {
		bad := func(format string, a ...any) {
			errs = append(errs, fmt.Errorf("control net %d: "+format, append([]any{i + 1}, a...)...))
		}
		if err := control.Net.fits(p); err != nil {
			bad("%w", err)
		}
		if channels, s := control.Net.model.Config.Picture, control.Picture.Shape(); len(s) != 4 || s[1] != channels || control.Picture.Numel() == 0 {
			bad("its picture has shape %v, expected [B %d H W]", s, channels)
		}
		if math.IsNaN(control.Strength) || math.IsInf(control.Strength, 0) {
			bad("its strength is %v, expected a number", control.Strength)
		}
		if !(control.Start >= 0 && control.Start <= 1 && control.End >= 0 && control.End <= 1) {
			bad("it is asked from %v to %v of the way, expected shares from 0 to 1", control.Start, control.End)
		}
	}
	return errors.Join(errs...)
}

// applied is a control net ready for latents of one size.
type applied struct {
	net        *controlnet.Model
	picture    torch.Tensor // as the control has it
	hint       torch.Tensor // [B,C,h,w]
	strength   float64
	start, end float32 // noise levels, the higher first
}

// controls prepares the control nets of a conditioning for latents of height×width. known are others of the run: a net that sees the same
// picture for the same size has its hint already.
func (p *Pipeline) controls(c Conditioning, height, width int64, known []applied) []applied {
	var made []applied
	for _, control := range c.Controls {
		net := control.Net.model
		start, end := float32(sigmaOfShare(p.noise, control.Start)), float32(sigmaOfShare(p.noise, control.End))
		if at := slices.IndexFunc(known, func(k applied) bool {
			return k.net == net && k.hint.Size(2) == height && k.hint.Size(3) == width && equal(k.picture, control.Picture)
		}); at >= 0 {
			made = append(made, applied{net, known[at].picture, known[at].hint, control.Strength, start, end})
			continue
		}
		f := net.Config.Factor()
		picture := layer.NearestExact(layer.Middle(control.Picture, height*f, width*f), height*f, width*f).ToDevice(net.Device()).To(net.DType())
		hint := torch.Scoped(func() torch.Tensor { // a picture at a time: their convolutions take the most memory
			each := make([]torch.Tensor, picture.Size(0))
			for i := range each {
				each[i] = net.Hint(picture.Narrow(0, int64(i), 1))
			}
			return torch.Cat(each, 0)
		})
		made = append(made, applied{net, control.Picture, hint, control.Strength, start, end})
	}
	return made
}

// equal tells whether two tensors hold the same values.
func equal(a, b torch.Tensor) bool {
	if !slices.Equal(a.Shape(), b.Shape()) {
		return false
	}
	same := false
	torch.WithScope(func() []torch.Tensor {
		same = a.Sub(b).Abs().MaxAll().Item() == 0
		return nil
	})
	return same
}

// sameControls tells whether two conditionings are controlled alike, so that one evaluation will do for both.
func sameControls(a, b []applied) bool {
	return slices.EqualFunc(a, b, func(x, y applied) bool {
		return x.net == y.net && x.hint == y.hint && x.strength == y.strength && x.start == y.start && x.end == y.end
	})
}

// sigmaOfShare is the noise level at a share of the way from noise to picture.
func sigmaOfShare(n sampling.Noise, share float64) float64 {
	switch {
	case share <= 0:
		return math.Inf(1)
	case share >= 1:
		return 0
	}
	return n.SigmaAt((1 - share) * float64(len(n.Sigmas())-1))
}

// residuals are what control nets add to an evaluation of the network on in [sides·n,C,h,w], n images first… of a batch, at sigma, under text and
// vector as the network takes them.
func (p *Pipeline) residuals(ctx context.Context, controls []applied, in torch.Tensor, sides int, first int64, sigma float64, text, vector torch.Tensor) (backbone.Residuals, error) {
	var sum backbone.Residuals
	for _, c := range controls {
		if s := float32(sigma); s > c.start || s < c.end {
			continue
		}
		dtype := c.net.DType()
		if vector.Defined() {
			vector = vector.To(dtype)
		}
		made, err := c.net.Forward(ctx, in.To(dtype), p.noise.Timestep(sigma), text.To(dtype), vector, c.at(sides, first, in.Size(0)/int64(sides)))
		if err != nil {
			return sum, err
		}
		own := func(x torch.Tensor) torch.Tensor { return x.MulScalar(c.strength).To(in.DType()) }
		made.Bottom = own(made.Bottom)
		for i, x := range made.Skips {
			made.Skips[i] = own(x)
		}
		sum = sum.Plus(made)
	}
	return sum, nil
}

// at is the hint of n images first… of a batch, once for each side.
func (c applied) at(sides int, first, n int64) torch.Tensor {
	all := c.hint.Size(0)
	if all == 1 {
		return c.hint
	}
	index := make([]int64, int64(sides)*n)
	for i := range index {
		index[i] = (first + int64(i)%n) % all
	}
	return c.hint.IndexSelect(0, torch.FromInt64s(index, int64(len(index))).ToDevice(c.hint.Device()))
}

// forward evaluates the network under control nets, on in [sides·n,C,h,w].
func (p *Pipeline) forward(ctx context.Context, controls []applied, in torch.Tensor, sides int, first int64, sigma float64, text, vector torch.Tensor) (torch.Tensor, error) {
	network, timestep := p.model.Denoiser, p.noise.Timestep(sigma)
	if len(controls) == 0 {
		return network.ForwardContext(ctx, in, timestep, text, vector, nil)
	}
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		var add backbone.Residuals
		if add, err = p.residuals(ctx, controls, in, sides, first, sigma, text, vector); err != nil {
			return nil
		}
		var y torch.Tensor
		y, err = network.(backbone.Controlled).ForwardControlled(ctx, in, timestep, text, vector, add, nil)
		return []torch.Tensor{y}
	})
	if err != nil {
		return torch.Tensor{}, err
	}
	return out[0], nil
}
