package guidance

import (
	"errors"
	"math"

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
}

// look evaluates the model at x, and has the method measure. Losses that are not finite leave nothing to be done, and a loss without
// weight has no gradient: Skipped says so.
func (s *Session) look(x torch.Tensor, step Step, how glance) (seen look, err error) {
	evaluate := func() {
		seen.at = x.Detach()
		if how.grad {
			seen.at = seen.at.Clone().SetRequiresGrad(true)
		}
		for _, whole := range []bool{false, true} {
			var r attention.Reading
			if r, seen.prediction, err = s.evaluate(seen.at, step.Timestep, how.predict, whole); err == nil {
				err = s.measure(&seen, r, step, how.maps)
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

// measure has the method measure a reading at seen.at.
func (s *Session) measure(seen *look, r attention.Reading, step Step, maps *Maps) (err error) {
	seen.half = r.Half
	if seen.Measurement, err = s.guide.Measure(r, step, maps); err != nil {
		return err
	}
	if seen.Height == 0 {
		seen.Height, seen.Width = r.Top.Height, r.Top.Width
	}
	for i, v := range valuesOf(seen.Terms) {
		l := Loss{Name: seen.Terms[i].Name, Weight: seen.Terms[i].Weight, Value: v}
		seen.losses = append(seen.losses, l)
		seen.loss += l.Weight * l.Value
	}
	if math.IsNaN(seen.loss) || math.IsInf(seen.loss, 0) {
		seen.losses, seen.loss, seen.Skipped = nil, 0, "the loss is not finite (NaN or Inf)"
	}
	return nil
}

// valuesOf reads the values of terms from the device, all at once.
func valuesOf(terms []Term) []float64 {
	if len(terms) == 0 {
		return nil
	}
	each := make([]torch.Tensor, len(terms))
	for i, t := range terms {
		each[i] = t.Value.Detach().To(torch.Float64).Reshape(1)
	}
	return torch.Cat(each, 0).Float64s()
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
