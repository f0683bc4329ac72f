package diffusion

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
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

// HostConditioning is a conditioning [1,L,D] that a host made of a prompt, with the places of its words: as EncodePrompts puts them, as
// far as the host's has positions. A host that cuts prompts has fewer; what it cut has no place. hidden and pooled are kept tensors, which
// it takes over; pooled may be undefined.
func (p *Pipeline) HostConditioning(o PromptOptions, text string, hidden, pooled torch.Tensor) Conditioning {
	prompts := p.model.Prompts(o.Embeddings, text)
	spans := prompts[0].Spans()
	c := Conditioning{Hidden: hidden, Pooled: pooled, Prompt: text, Notes: p.notes(prompts)}
	if n := positions(hidden); n < len(spans) {
		spans = spans[:n]
		c.Notes = append(c.Notes, fmt.Sprintf("the host's conditioning has %d positions where the prompt fills %d: words beyond are not looked for", n, len(prompts[0].Spans())))
	}
	c.Spans = spans
	return c
}

// positions is L of a conditioning [1,L,D], 0 of one of another shape.
func positions(hidden torch.Tensor) int {
	if !hidden.Defined() || hidden.Dim() != 3 {
		return 0
	}
	return int(hidden.Size(1))
}

// Spans are the bytes [start,end) of a text that each position of its conditioning stands for, as in Conditioning.Spans, without
// running the text encoders.
func (p *Pipeline) Spans(text string) [][2]int {
	return p.model.Prompts(clip.Embeddings{}, text)[0].Spans()
}
