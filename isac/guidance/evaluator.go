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
	// Online, if not nil, allows for taps whose maps are made while the model is evaluated (attention.Online). A model does so where that
	// saves memory.
	Online *OnlineMaps
}

// OnlineMaps says which.
type OnlineMaps struct {
	Options attention.Options
	Reads   []bool // by layer: the others are left out; nil are all
}

// Reader is a Guide that does not read every layer.
type Reader interface {
	// Reads tells of each layer of an evaluation, in their order, whether Measure is to be given it. layers may be without queries and
	// keys.
	Reads(layers []attention.Tap) []bool
}

// Several is an Evaluator that evaluates several images of a run at once.
type Several interface {
	Evaluator
	// AtOnce is how many of so many images of x's shape [1,C,H,W] an evaluation with gradient may take at once, at least 1. Evaluate then
	// takes all of them, [B,C,H,W], and queries, keys and prediction have a row for each.
	AtOnce(x torch.Tensor, images int) int
	// Crowded is told that so many ran out of memory, of which nothing is left: AtOnce gives fewer from then on.
	Crowded(images int)
}

// evaluate evaluates the model at X_t, as far as the method reads it, and to the end where a prediction is wanted. whole asks for queries and
// keys of all layers.
func (s *Session) evaluate(at torch.Tensor, timestep float64, predict, whole bool) (r attention.Reading, prediction torch.Tensor, err error) {
	model, able := s.config.Model.(Evaluator)
	var taps []attention.Tap
	var wanted []bool
	if able {
		wanted = s.reads(model.Layers(at))
		ask := Ask{Layers: lastOf(wanted) + 1, Prediction: predict}
		if onliner, is := s.config.Method.(Onliner); is && !whole {
			if opt, can := onliner.Online(); can {
				ask.Online = &OnlineMaps{Options: opt, Reads: wanted}
			}
		}
		taps, prediction, err = model.Evaluate(at, timestep, ask)
	} else {
		taps, err = s.config.Model.Taps(at, timestep)
	}
	if err != nil {
		return r, prediction, err
	}
	if !able {
		wanted = s.reads(taps)
	}
	r, err = readSome(taps, wanted)
	return r, prediction, err
}

// reads tells of each layer whether the method is to be given it; nil of all.
func (s *Session) reads(layers []attention.Tap) []bool {
	if reader, ok := s.guide.(Reader); ok {
		return reader.Reads(layers)
	}
	return nil
}

// readSome is the reading of those taps that are wanted; nil are all.
func readSome(taps []attention.Tap, wanted []bool) (attention.Reading, error) {
	r, err := attention.Read(taps)
	if err != nil || wanted == nil {
		return r, err
	}
	i := -1
	return r.Only(func(attention.Tap) bool { i++; return wanted[i] }), nil
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
