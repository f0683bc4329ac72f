package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
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
	// Spans are the bytes [start,end) of Prompt that each of the L positions stands for, over all chunks; BOS, EOS and padding have
	// start = end. Positions behind the last span stand for none.
	Spans [][2]int
	// Region is where in the picture the conditioning holds; nil is everywhere.
	Region *Region
	// Controls are the control nets of the conditioning; ControlNegative has them control the other side too, see WithControl.
	Controls        []Control
	ControlNegative bool
	// More are conditionings that hold beside this one, each in its own region. They have none beside themselves.
	More []Conditioning
	// Notes are things that the user should know: in how many chunks a prompt is read, what in it is read as text, what was not found.
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
	c.Region.close()
	for _, control := range c.Controls {
		control.close()
	}
	c.Controls = nil
	for i := range c.More {
		c.More[i].Close()
	}
	c.More = nil
}

// ErrWeight says that a weight in a prompt cannot be computed with.
var ErrWeight = errors.New("weight out of range")

// PromptOptions say what a prompt may refer to.
type PromptOptions struct {
	// Embeddings are where "embedding:name" is looked for.
	Embeddings clip.Embeddings
	// StopAt is the layer of the text encoders whose state is read, counted from the end: -1 is the last, -2 the one before; 0 is what the
	// family was trained with. An encoder that has not so many layers gives its last.
	StopAt int
}

// EncodePrompt runs the text encoders over a prompt of any length, with the weights that are written in it, as ComfyUI encodes it (see
// package text/syntax): in chunks of as many tokens as the model has positions. What is written and not read is told in Notes. It knows
// no embeddings.
func (p *Pipeline) EncodePrompt(text string) (Conditioning, error) {
	return p.EncodePrompts(context.Background(), PromptOptions{}, text)
}

// EncodePrompts is EncodePrompt with a text for each text encoder, in the family's order; the last one stands for all further encoders.
// Spans are the first text's. It fails with ErrWeight where a weight is no finite number, with a *MemoryError where the
// states of a very long prompt would not fit, and with ctx's error once ctx is done.
func (p *Pipeline) EncodePrompts(ctx context.Context, o PromptOptions, texts ...string) (Conditioning, error) {
	text := texts[0]
	prompts := p.model.Prompts(o.Embeddings, texts...)
	if o.StopAt > 0 {
		return Conditioning{}, fmt.Errorf("encode prompt %q: layer %d of the text encoders, expected one counted from the end, such as -2", text, o.StopAt)
	}
	err := checkWeights(prompts)
	if err == nil {
		err = p.checkRows(prompts)
	}
	if n := p.returning(); err == nil && n.device > 0 && p.device != torch.CPU {
		err = p.check("the text encoders' weights", n)
	}
	if err != nil {
		return Conditioning{}, fmt.Errorf("encode prompt %q: %w", text, err)
	}
	c := Conditioning{Prompt: text, Spans: prompts[0].Spans(), Notes: p.notes(prompts)}
	err = torch.InScope(func() (err error) {
		torch.NoGrad(func() {
			var hidden, pooled torch.Tensor
			if hidden, pooled, err = p.model.Encode(ctx, prompts, o.StopAt); err != nil {
				return
			}
			if c.Hidden = hidden.Keep(); pooled.Defined() {
				c.Pooled = pooled.Keep()
			}
		})
		return err
	})
	if err != nil {
		return Conditioning{}, fmt.Errorf("encode prompt %q: %w", text, err)
	}
	c.Spans = c.Spans[:min(len(c.Spans), int(c.Hidden.Size(1)))]
	return c, nil
}

// checkRows asks for the memory of a prompt's states, of which there are a few at once: raw, normed, weighted, joined. That of a usual
// prompt is not asked for.
func (p *Pipeline) checkRows(prompts []clip.Prompt) error {
	bytes, rows := 0.0, 0
	for i, prompt := range prompts {
		rows = max(rows, len(prompt.Rows))
		bytes += float64(len(prompt.Rows)) * float64(len(prompt.Rows[0])) * float64(p.model.Text[i].Model.Config.Width) * 4 * 6
	}
	if rows <= usualRows {
		return nil
	}
	return p.check(fmt.Sprintf("a prompt of %d chunks", rows), need{device: bytes})
}

// usualRows is a number of chunks that few prompts have.
const usualRows = 64

// notes are the model's and, each once, those of a prompt for each encoder.
func (p *Pipeline) notes(prompts []clip.Prompt) []string {
	notes := slices.Clone(p.model.Notes)
	for _, prompt := range prompts {
		for _, n := range prompt.Notes {
			if !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		}
	}
	return notes
}

// checkWeights refuses weights that would make every value of a picture NaN.
func checkWeights(prompts []clip.Prompt) error {
	for _, prompt := range prompts {
		for _, row := range prompt.Rows {
			for _, token := range row {
				if math.IsNaN(token.Weight) || math.Abs(token.Weight) > mostWeight {
					return fmt.Errorf("%w at byte %d: it is %v, expected a number such as 1.2", ErrWeight, token.Span[0], token.Weight)
				}
			}
		}
	}
	return nil
}

// mostWeight is beyond what float32 can add up; pictures are noise long before.
const mostWeight = 1e30

// wide fills text encoders' states up to the width that the denoiser reads, where the family does so.
func (p *Pipeline) wide(hidden torch.Tensor) torch.Tensor {
	if rest := p.model.Shape.Context - hidden.Size(-1); p.model.Family.Pads && rest > 0 {
		return torch.Pad(hidden, []int64{0, rest}, "constant", 0)
	}
	return hidden
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
	return p.wide(c.Hidden).To(d.DType()).ToDevice(d.Device()), vector, nil
}
