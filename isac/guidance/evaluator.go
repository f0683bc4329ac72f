package guidance

import (
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// Evaluator is a Model that evaluates as much of itself as is asked for. A session asks one for no layer behind the last that the method
// reads, which changes nothing but what the evaluation costs.
type Evaluator interface {
	Model
	// Layers are the taps of an evaluation at x [1,C,H,W], in their order, without queries and keys.
	Layers(x torch.Tensor) []attention.Tap
	// Evaluate is Taps, for what is asked. prediction is undefined where it is not asked for.
	Evaluate(x torch.Tensor, timestep float64, ask Ask) (taps []attention.Tap, prediction torch.Tensor, err error)
}

// Ask is what an evaluation is asked for.
type Ask struct {
	// Layers is how many of the model's attention layers are wanted, the first in its order; 0 is all.
	Layers int
	// Prediction asks for what the model predicts too, [1,C,H,W]: the evaluation then goes on to its end.
	Prediction bool
}

// Reader is a Guide that does not read every layer.
type Reader interface {
	// Reads tells of each layer of an evaluation, in their order, whether Measure is to be given it. layers may be without queries and
	// keys.
	Reads(layers []attention.Tap) []bool
}

// evaluate evaluates the model at X_t, as far as the method reads it, and to the end where a prediction is wanted.
func (s *Session) evaluate(at torch.Tensor, timestep float64, predict bool) (r attention.Reading, prediction torch.Tensor, err error) {
	reads := func([]attention.Tap) []bool { return nil } // all
	if reader, ok := s.guide.(Reader); ok {
		reads = reader.Reads
	}
	model, able := s.config.Model.(Evaluator)
	var taps []attention.Tap
	var wanted []bool
	if able {
		wanted = reads(model.Layers(at))
		taps, prediction, err = model.Evaluate(at, timestep, Ask{Layers: lastOf(wanted) + 1, Prediction: predict})
	} else {
		taps, err = s.config.Model.Taps(at, timestep)
	}
	if err != nil {
		return r, prediction, err
	}
	if r, err = attention.Read(taps); err != nil {
		return r, prediction, err
	}
	if !able {
		wanted = reads(taps)
	}
	if wanted != nil {
		i := -1
		r = r.Only(func(attention.Tap) bool { i++; return wanted[i] })
	}
	return r, prediction, nil
}

// lastOf is the last that is true, -1 for none.
func lastOf(all []bool) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] {
			return i
		}
	}
	return -1
}
