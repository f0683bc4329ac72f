package diffusion

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Conditioning is a prompt as the UNet reads it. It is the caller's to close.
type Conditioning struct {
	// Hidden is the text model's last hidden state, [1,L,D], float32, kept. A conditioning that a host made itself can be given by
	// setting this field alone.
	Hidden torch.Tensor
	// Prompt is the text as it was given.
	Prompt string
	// Spans are the bytes [start,end) of Prompt that each of the L positions stands for; BOS, EOS and padding have start = end.
	Spans [][2]int
	// Notes are things that the user should know: how much of a long prompt was cut.
	Notes []string
}

// Close frees the conditioning. Closing the zero value is allowed.
func (c *Conditioning) Close() {
	if c.Hidden.Defined() {
		c.Hidden.Close()
	}
	c.Hidden = torch.Tensor{}
}

// EncodePrompt runs the text model over a prompt. A prompt with more tokens than the model has positions is cut, which is noted and no
// error. Weights such as "(cat:1.2)" are not understood and are read as text.
func (p *Pipeline) EncodePrompt(text string) (Conditioning, error) {
	length := p.text.Config.Positions
	e := p.tokenizer.Encode(text, int(length))
	c := Conditioning{Prompt: text, Spans: e.Spans}
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
			ids := torch.FromInt64s(e.IDs, 1, int64(len(e.IDs))).ToDevice(p.device)
			c.Hidden = p.text.Forward(ids).To(torch.Float32).Keep()
		})
		return nil
	})
	if err != nil {
		return Conditioning{}, fmt.Errorf("encode prompt %q: %w", text, err)
	}
	return c, nil
}
