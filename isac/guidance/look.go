package guidance

import (
	"errors"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// look is one evaluation of the model, and what the method made of it. Its tensors belong to the scope that it was made in.
type look struct {
	Measurement
	at   torch.Tensor // X_t, which gradients are taken for
	half bool         // the model computes in float16
	// prediction is the model's, undefined where it was not wanted
	prediction torch.Tensor
	gradient   torch.Tensor // ∇L_t where it was taken together with that of other images; else undefined
	unread     torch.Tensor // the values of the terms and what was deferred, float64, until they are read; else undefined
	rest       *Deferred    // what was deferred, nil for nothing
	trial      float64      // the scale of a float16 model's loss, of which the norms will tell whether it was right; 0 where it is known
	missed     bool         // what was supposed is not so
	losses     []Loss
	loss       float64 // their weighted sum
	gradNorm   float64 // once a gradient was taken
	latentNorm float64 // of X_t, and stepNorm of the move, once there was one
	stepNorm   float64
}

// glance is how the model is looked at.
type glance struct {
	grad    bool  // with gradients
	predict bool  // with its prediction
	maps    *Maps // what an observer gets, nil for nothing
	move    bool  // for a move, with whose norms the losses may be read
}

// look evaluates the model at x, and has the method measure. Losses that are not finite leave nothing to be done: Skipped says so.
func (s *Session) look(x torch.Tensor, step Step, how glance) (seen look, err error) {
	evaluate := func() {
		seen.at = x.Detach()
		if how.grad {
			seen.at = seen.at.Clone().SetRequiresGrad(true)
		}
		for _, whole := range []bool{false, true} {
			var r attention.Reading
			if r, seen.prediction, err = s.evaluate(seen.at, step.Timestep, how.predict, whole); err == nil {
				err = s.measure(&seen, r, step, how)
			}
			if !errors.Is(err, attention.ErrManyRows) {
				return
			}
		}
	}
	if how.grad {
		torch.WithGrad(evaluate)
	} else {
		torch.NoGrad(evaluate)
	}
	return seen, err
}

// measure has the method measure a reading at seen.at. It leaves the losses, and whatever the method defers, to be read with the norms of a move
// where nothing is decided by them before.
func (s *Session) measure(seen *look, r attention.Reading, step Step, how glance) (err error) {
	seen.half = r.Half
	deferred, supposing := false, s.defers(seen.at, how)
	s.sure = false
	if supposing {
		if deferred, err = s.postpone(seen, r, step, how.maps); err != nil {
			return err
		}
	}
	if !deferred {
		if seen.Measurement, err = s.guide.Measure(r, step, how.maps); err != nil {
			return err
		}
		if seen.Height == 0 {
			seen.Height, seen.Width = r.Top.Height, r.Top.Width
		}
		if seen.unread = valuesOf(seen.Terms); !seen.unread.Defined() {
			return nil
		}
	}
	if seen.half && s.scale > 0 && supposing {
		seen.trial = s.scale
	}
	if how.move && (!seen.half || seen.trial > 0) && seen.Skipped == "" && s.options.SkipBelow == 0 && s.takesGradient() {
		return nil
	}
	seen.trial = 0
	if s.told(seen, seen.unread.Float64s()); seen.missed {
		*seen = look{at: seen.at, prediction: seen.prediction}
		return s.measure(seen, r, step, how)
	}
	return nil
}

// learn takes in what of a look was left unread, if it was, and looks at the norms of its move, if there is one (see told).
func (s *Session) learn(l *look, unread, norms []float64) {
	if unread != nil {
		s.told(l, unread)
	}
	if l.trial > 0 && norms != nil && !l.missed && l.Skipped == "" && !legible(norms[0]*l.trial) {
		s.miss(l)
	}
}

// miss has the next look suppose nothing.
func (s *Session) miss(l *look) {
	l.missed, s.sure = true, true
	s.misses++
}

// told takes in what of a look was left unread. Where what was supposed is not so, the look has missed, and the next one supposes nothing.
func (s *Session) told(l *look, values []float64) {
	l.unread = torch.Tensor{}
	n := len(l.Terms)
	if l.rest != nil {
		m, ok := l.rest.Take(values[n:])
		if l.rest = nil; !ok {
			s.miss(l)
			return
		}
		m.Terms = l.Terms
		l.Measurement = m
	}
	for i, v := range values[:n] {
		loss := Loss{Name: l.Terms[i].Name, Weight: l.Terms[i].Weight, Value: v}
		l.losses = append(l.losses, loss)
		l.loss += loss.Weight * loss.Value
	}
	if !finite(l.loss) {
		l.losses, l.loss, l.Skipped = nil, 0, "the loss is not finite (NaN or Inf)"
	}
}

// valuesOf are the values of terms in double precision, [n]; undefined where there are none.
func valuesOf(terms []Term) torch.Tensor {
	if len(terms) == 0 {
		return torch.Tensor{}
	}
	each := make([]torch.Tensor, len(terms))
	for i, t := range terms {
		each[i] = t.Value.Detach().To(torch.Float64).Reshape(1)
	}
	return torch.Cat(each, 0)
}

// readAll reads vectors in float64 from the device in one piece; of one that is undefined it gives nil.
func readAll(of ...torch.Tensor) [][]float64 {
	var defined []torch.Tensor
	for _, t := range of {
		if t.Defined() {
			defined = append(defined, t)
		}
	}
	out := make([][]float64, len(of))
	if len(defined) == 0 {
		return out
	}
	all := torch.Cat(defined, 0).Float64s()
	for i, t := range of {
		if t.Defined() {
			n := t.Numel()
			out[i], all = all[:n], all[n:]
		}
	}
	return out
}

// total is the weighted sum of the terms, undefined where none has weight: one without is left out of the graph.
func (l *look) total() torch.Tensor {
	var sum torch.Tensor
	for _, t := range l.Terms {
		if t.Weight == 0 {
			continue
		}
		v := t.Value.MulScalar(t.Weight)
		if sum.Defined() {
			v = sum.Add(v)
		}
		sum = v
	}
	return sum
}
