package sampling

import "github.com/isac-guidance/isac/isac/torch"

// heunpp2 is heun with a look two steps ahead: the slopes here, at the next level and at the one after it are weighed by their noise
// levels. Up to three evaluations a step, two in the last but one, one in the last. What "last" means is the end of the schedule,
// whether that is 0 or not.
var heunpp2 = solver{name: "heunpp2", formula: func(s *step) (torch.Tensor, error) {
	last := len(s.sigmas) - 1
	if s.i+1 == last {
		return s.straight(s.next), nil
	}
	d, x := s.slope(), s.straight(s.next)
	second, err := s.slopeAt(x, s.next)
	if err != nil {
		return torch.Tensor{}, err
	}
	top := s.sigmas[0]
	if s.i+2 == last {
		w := s.next / (2 * top)
		mean := d.MulScalar(1 - w).Add(second.MulScalar(w))
		return s.x.Add(mean.MulScalar(s.next - s.sigma)), nil
	}
	after := s.sigmas[s.i+2]
	third, err := s.slopeAt(x.Add(second.MulScalar(after-s.next)), after)
	if err != nil {
		return torch.Tensor{}, err
	}
	w2, w3 := s.next/(3*top), after/(3*top)
	mean := d.MulScalar(1 - w2 - w3).Add(second.MulScalar(w2)).Add(third.MulScalar(w3))
	return s.x.Add(mean.MulScalar(s.next - s.sigma)), nil
}}
