package diffusion

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// CheckConditioning reports everything that keeps the denoiser from reading a conditioning, such as one that a host made itself: a
// missing tensor, a wrong shape, values that are not finite.
func (p *Pipeline) CheckConditioning(c Conditioning) error {
	var errs []error
	p.checkConditioning("host's", c, func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) })
	for _, part := range []struct {
		name string
		t    torch.Tensor
	}{{"state", c.Hidden}, {"pooled text", c.Pooled}} {
		if part.t.Defined() && !part.t.AllFinite() {
			errs = append(errs, fmt.Errorf("the %s of the host's conditioning holds values that are not finite (NaN or Inf)", part.name))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return torch.InScope(func() error { return p.tryVector(c) })
}

// tryVector makes the vector of a conditioning, which its pooled text has to fit.
func (p *Pipeline) tryVector(c Conditioning) error {
	_, vector, err := p.place(c, p.NativeSize(), p.NativeSize())
	if err != nil {
		return err
	}
	if want := p.model.Shape.Vector; vector.Defined() && (vector.Size(0) != 1 || vector.Size(1) != want) {
		return fmt.Errorf("the pooled text of the host's conditioning has shape %v, which makes a vector of shape %v, and the model reads [1 %d]: was it made by another model?",
			c.Pooled.Shape(), vector.Shape(), want)
	}
	return nil
}

// Spans are the bytes [start,end) of a text that each position of its conditioning stands for, as in Conditioning.Spans, without
// running the text encoders.
func (p *Pipeline) Spans(text string) [][2]int {
	return p.Tokenizer().Encode(text, p.model.Length()).Spans
}
