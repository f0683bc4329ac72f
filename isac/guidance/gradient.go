package guidance

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Gradient gives ∇L_t at X_t of the host's latent x [1,C,H,W], in float32 or better, without taking the step: for a host that has
// its own use for it. It is undefined where the report says that the step is skipped; the window does not matter to it. It fails
// where Guide does.
func (s *Session) Gradient(x torch.Tensor, step Step) (torch.Tensor, Report, error) {
	step.Timestep = s.config.Noise.Timestep(step.Sigma)
	report := Report{Step: step}
	if s.closed {
		return torch.Tensor{}, report, ErrClosed
	}
	if err := step.check(); err != nil {
		return torch.Tensor{}, Report{}, err
	}
	out, err := scoped(func() (torch.Tensor, error) {
		if err := checkLatent(x); err != nil {
			return torch.Tensor{}, err
		}
		return s.gradient(s.config.Noise.Input(x, step.Sigma), &report, nil)
	})
	if err != nil {
		return torch.Tensor{}, report, fmt.Errorf("guidance: step %d of %d: %w", step.Index+1, step.Count, err)
	}
	return out, report, nil
}
