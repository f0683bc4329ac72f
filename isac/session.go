package isac

import "github.com/isac-guidance/isac/isac/torch"

// Session guides one sampling run.
type Session struct{}

// NewSession starts guidance of one image.
func NewSession(model Model, target Target, opt Options) (*Session, error) { return nil, nil }

// Guide takes one guided step.
func (s *Session) Guide(x torch.Tensor, step Step) (torch.Tensor, Report, error) {
	return torch.Tensor{}, Report{}, nil
}

// Close ends the session.
func (s *Session) Close() {}
