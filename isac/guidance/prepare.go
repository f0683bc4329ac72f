package guidance

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// Prepare gives the noise that the run starts from in the place of noise, unit normal [1,C,H,W], and whether it is another one:
// only a method that is a Preparer changes it, and only a session that may move latents. first is the run's first step. The result
// belongs to the caller's scope.
func (s *Session) Prepare(noise torch.Tensor, first Step) (torch.Tensor, bool, error) {
	if len(s.parts) > 0 {
		return s.prepareParts(noise, first)
	}
	p, ok := s.guide.(Preparer)
	if !ok || s.config.Measure || s.closed {
		return noise, false, nil
	}
	first.Timestep = s.config.Noise.Timestep(first.Sigma)
	if err := first.check(); err != nil {
		return noise, false, err
	}
	out, err := scoped(func() (torch.Tensor, error) {
		if err := checkShape(noise); err != nil {
			return torch.Tensor{}, err
		}
		if err := checkFinite(noise); err != nil {
			return torch.Tensor{}, err
		}
		return p.Prepare(func(at torch.Tensor) ([]attention.Tap, error) {
			return s.config.Model.Taps(at, first.Timestep)
		}, noise, first)
	})
	if err != nil {
		return noise, false, fmt.Errorf("guidance: before the first step: %w", err)
	}
	return out, true, nil
}
