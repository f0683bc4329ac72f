package diffusion

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/torch"
)

// Conditioning is a prompt as the denoiser reads it. It is the caller's to close.
type Conditioning struct {
	// Hidden is the text encoders' state, [1,L,D], float32, kept. A conditioning for Stable Diffusion 1 or 2 that a host made itself
	// can be given by setting this field alone.
	Hidden torch.Tensor
	// Pooled stands for the whole text, [1,P], float32, kept; undefined for families that have none.
	Pooled torch.Tensor
	// Sizes are what SDXL is told of the picture's size and crop; nil stands for the whole picture at the size that is sampled. Other
	// families have no use for them.
	Sizes *family.Sizes
	// Prompt is the text as it was given.
	Prompt string
	// Spans are the bytes [start,end) of Prompt that each of the L positions stands for; BOS, EOS and padding have start = end.
	Spans [][2]int
	// Notes are things that the user should know: how much of a long prompt was cut.
	Notes []string
}

// Close frees the conditioning. Closing the zero value is allowed.
func (c *Conditioning) Close() {
	for _, t := range []*torch.Tensor{&c.Hidden, &c.Pooled} {
		if t.Defined() {
			t.Close()
		}
		*t = torch.Tensor{}
	}
}

// EncodePrompt runs the text encoders over a prompt. A prompt with more tokens than the model has positions is cut, which is noted and no
// error. Weights such as "(cat:1.2)" are not understood and are read as text.
func (p *Pipeline) EncodePrompt(text string) (Conditioning, error) {
	return p.EncodePrompts(text)
}

// EncodePrompts is EncodePrompt with a text for each text encoder, in the family's order; the last one stands for all further encoders.
// Spans and Notes are the first text's.
func (p *Pipeline) EncodePrompts(texts ...string) (Conditioning, error) {
	text := texts[0]
	length := p.model.Length()
	e := p.Tokenizer().Encode(text, length)
	c := Conditioning{Prompt: text, Spans: e.Spans, Notes: p.model.Notes[:len(p.model.Notes):len(p.model.Notes)]}
	if e.Truncated {
		last := 0
		for _, s := range e.Spans[:e.Length-1] {
			last = max(last, s[1])
		}
		c.Notes = append(c.Notes, fmt.Sprintf("the prompt has %d tokens more than the %d that this model reads, and was cut: not read is %q",
			e.Dropped, length-2, text[last:]))
	}
	err := torch.InScope(func() error {
		torch.NoGrad(func() {
			hidden, pooled := p.model.Encode(texts...)
			if c.Hidden = hidden.Keep(); pooled.Defined() {
				c.Pooled = pooled.Keep()
			}
		})
		return nil
	})
	if err != nil {
		return Conditioning{}, fmt.Errorf("encode prompt %q: %w", text, err)
	}
	return c, nil
}

// place brings a conditioning into the denoiser's type and place, for images of width×height pixels: text [1,L,D], and vector [1,V],
// undefined for a family without one.
func (p *Pipeline) place(c Conditioning, width, height int) (text, vector torch.Tensor, err error) {
	d := p.model.Denoiser
	sizes := family.Sizes{Height: height, Width: width, TargetHeight: height, TargetWidth: width}
	if c.Sizes != nil {
		sizes = *c.Sizes
	}
	if vector, err = p.model.Vector(c.Pooled, sizes); err != nil {
		return text, vector, err
	}
	return c.Hidden.To(d.DType()).ToDevice(d.Device()), vector, nil
}
