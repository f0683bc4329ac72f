package diffusion

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/torch"
)

// LoRA is a file of small changes to a model's weights, and how strongly they are made.
type LoRA struct {
	// Path is a .safetensors file of kohya's, diffusers' or PEFT's names, LoCon, LoHa, LoKr and DoRA among them.
	Path string
	// Denoiser and Text multiply what is added to the denoiser and to the text encoders. 0 leaves them as they are, to the bit.
	Denoiser, Text float64
}

// WithLoRA gives the same model with a LoRA, beside those that it has. The two share what the LoRA does not change; both are to be closed, p
// last. Gradients see the changed weights. Notes name what the file holds and the model has no layer for. A file that is no LoRA,
// or one of another model, is an error that says what it is.
func (p *Pipeline) WithLoRA(l LoRA) (other *Pipeline, notes []string, err error) {
	f, done, err := family.OpenLoRA(l.Path)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	made := *p
	err = torch.InScope(func() (err error) {
		made.model, notes, err = p.model.WithLoRA(f, l.Denoiser, l.Text, func(bytes float64) error {
			n := need{device: bytes}
			if l.Text != 0 {
				n.device += p.returning().device
			}
			if p.device == torch.CPU {
				n.host = n.device
			}
			return p.check("the LoRA", n)
		})
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.Path, err)
	}
	if made.model.Denoiser != nil {
		made.model.Denoiser.Checkpoint(p.checkpoint)
	}
	made.enter(p)
	return &made, notes, nil
}
