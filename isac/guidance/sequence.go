package guidance

import (
	"errors"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// Sequence is a Method that is several, all towards one target: at each step each of them in its turn goes on from where the one
// before left the latent. Each has a window and a step size of its own, so that windows beside each other make one method follow the
// other. What it reports of a step is what they saw and did together; maps, labels and masks are those of the last that has them.
type Sequence interface {
	Method
	// Methods are the methods in their order, at least one; none is a Sequence or a Chooser, or reuses predictions (Options.Reuse).
	Methods() []Method
}

// openParts opens a session for each method of a sequence. Only the last has an observer.
func openParts(c Config, methods []Method) (parts []*Session, err error) {
	var errs []error
	for i, m := range methods {
		of := c
		of.Method = m
		if i < len(methods)-1 {
			of.Observe, of.ObserveSelf = nil, nil
		}
		s, err := Open(of)
		parts, errs = append(parts, s), append(errs, err)
	}
	return parts, errors.Join(errs...)
}

// guideParts is Guide of a sequence.
func (s *Session) guideParts(x torch.Tensor, step Step) (torch.Tensor, Report, error) {
	var report Report
	out, err := scoped(func() (torch.Tensor, error) {
		at := x
		for i, part := range s.parts {
			next, r, err := part.Guide(at, step)
			if err != nil {
				return torch.Tensor{}, err
			}
			at = next
			if i == 0 {
				report = r
				continue
			}
			again := report.Moves > 0 && r.Moves > 0
			if report = r.after(report); again { // norms of moves do not add up
				noise := s.config.Noise
				from := wide(noise.Input(x.Detach(), step.Sigma))
				report.StepNorm = wide(noise.Input(at, step.Sigma)).Sub(from).NormAll().Item()
			}
		}
		return at, nil
	})
	return out, report, err
}

// prepareParts is Prepare of a sequence.
func (s *Session) prepareParts(noise torch.Tensor, first Step) (torch.Tensor, bool, error) {
	changed := false
	out, err := scoped(func() (torch.Tensor, error) {
		at := noise
		for _, part := range s.parts {
			next, other, err := part.Prepare(at, first)
			if err != nil {
				return torch.Tensor{}, err
			}
			at, changed = next, changed || other
		}
		if !changed {
			return torch.Tensor{}, nil
		}
		return at, nil
	})
	if err != nil || !changed {
		return noise, false, err
	}
	return out, true, nil
}

// after is the report of a step of which r is what one method saw and did, and before what those before it did.
func (r Report) after(before Report) Report {
	both := r
	if r.Height == 0 || len(r.Labels) == 0 && len(before.Labels) > 0 {
		both.Height, both.Width, both.Foreground, both.Labels, both.Masks = before.Height, before.Width, before.Foreground, before.Labels, before.Masks
	}
	both.Wanted = before.Wanted || r.Wanted
	both.Losses, both.Loss = slices.Concat(before.Losses, r.Losses), before.Loss+r.Loss
	both.Moves += before.Moves
	if before.Moves > 0 {
		both.GradNorm, both.LatentNorm = before.GradNorm, before.LatentNorm
	}
	if r.Moves == 0 {
		both.StepNorm = before.StepNorm
	}
	// A step is skipped where nobody moved; one that was wanted of somebody says why that did not come about.
	switch {
	case before.Skipped == "" || r.Skipped == "":
		both.Skipped = ""
	case before.Wanted && !r.Wanted:
		both.Skipped = before.Skipped
	}
	return both
}
