package attention

import "github.com/isac-guidance/isac/isac/torch"

// Recorder collects taps on the way through a model. Queries and keys are made in the scopes of inner layers, which free what
// they made, and in gradient checkpoints, which run twice: a backbone opens both through its recorder, which hands the taps on.
// A nil recorder collects nothing, and its methods work.
type Recorder struct {
	// Only tells that nothing else of the evaluation is wanted: a backbone then stops behind the last layer that is wanted, and its
	// result is undefined.
	Only bool
	// Layers is how many layers are wanted, the first in the model's order; 0 is all. Others are not recorded, and what comes behind the
	// last has no gradient.
	Layers int
	// Online has maps made in checkpoints in the place of queries and keys; nil keeps these.
	Online *Online

	taps  []Tap
	all   int // layers that the backbone has, 0 if it does not say
	first int // the number of the first layer that is recorded
}

// Taps gives what was recorded, in the model's order. The tensors belong to the scope that the outermost Scoped or Checkpoint
// was called in, and carry gradient where gradient is enabled.
func (r *Recorder) Taps() []Tap {
	if r == nil {
		return nil
	}
	return r.taps
}

// Expect is what a backbone says before its first layer: how many it will add.
func (r *Recorder) Expect(layers int) {
	if r != nil {
		r.all = layers
	}
}

// On tells whether the next layer is recorded: what is only made for a tap may be left out where it is false.
func (r *Recorder) On() bool { return r != nil && !r.enough() }

// Done tells whether all that comes behind the layers added so far may be left out, and the backbone's result with it.
func (r *Recorder) Done() bool {
	return r != nil && r.Only && (r.enough() || r.all > 0 && len(r.taps) >= r.all)
}

// Run runs a part of a backbone. Behind the last layer that is wanted it has no gradient, and so keeps nothing for one.
func (r *Recorder) Run(part func()) {
	if r != nil && r.enough() {
		torch.NoGrad(part)
		return
	}
	part()
}

func (r *Recorder) enough() bool { return r.Layers > 0 && len(r.taps) >= r.Layers }

// Add records a layer.
func (r *Recorder) Add(t Tap) {
	if r.On() {
		r.taps = append(r.taps, t)
	}
}

// Fresh is an empty recorder that wants what is left of what r wants, for a part of a backbone that runs more than once. r has to be On.
func (r *Recorder) Fresh() *Recorder {
	f := &Recorder{Only: r.Only, Online: r.Online, first: r.first + len(r.taps)}
	if r.Layers > 0 {
		f.Layers = r.Layers - len(r.taps)
	}
	if r.all > 0 {
		f.all = r.all - len(r.taps)
	}
	return f
}

// Scoped runs fn in a scope and keeps its results and what it recorded.
func (r *Recorder) Scoped(fn func() []torch.Tensor) []torch.Tensor {
	if r == nil {
		return torch.WithScope(fn)
	}
	first := len(r.taps)
	return restore(torch.WithScope(func() []torch.Tensor {
		results := fn()
		return collect(results, r.taps[first:])
	}), r.taps[first:])
}

// Scoped1 is Scoped for a function of one result.
func (r *Recorder) Scoped1(fn func() torch.Tensor) torch.Tensor {
	return r.Scoped(func() []torch.Tensor { return []torch.Tensor{fn()} })[0]
}

// Checkpoint runs fn on inputs as torch.Checkpoint does: once forward, and once more in the backward pass. fn records with the
// recorder that it is given. Queries and keys count among the checkpoint's outputs, so gradients flow through them.
func (r *Recorder) Checkpoint(fn func(in []torch.Tensor, r *Recorder) []torch.Tensor, inputs ...torch.Tensor) []torch.Tensor {
	if !r.On() {
		return torch.Checkpoint(func(in []torch.Tensor) []torch.Tensor { return fn(in, nil) }, inputs...)
	}
	inner, keep := r.Fresh(), func(taps []Tap) []Tap { return taps }
	if r.Online != nil && torch.Differentiable(inputs) {
		inner.Online, keep = nil, r.Online.keeper(inner.first) // what is within runs twice as well
	}
	var kept []Tap
	outputs := torch.Checkpoint(func(in []torch.Tensor) []torch.Tensor {
		inner.taps = nil // what the run before recorded
		results := fn(in, inner)
		kept = keep(inner.taps)
		return collect(results, kept)
	}, inputs...)
	results := restore(outputs, kept)
	r.taps = append(r.taps, kept...)
	return results
}

// collect lists results, and the tensors of taps.
func collect(results []torch.Tensor, taps []Tap) []torch.Tensor {
	out := results[:len(results):len(results)]
	for i := range taps {
		for _, t := range taps[i].tensors() {
			out = append(out, *t)
		}
	}
	return out
}

// restore is the inverse of collect: it puts the tensors back into the taps and gives the results.
func restore(outputs []torch.Tensor, taps []Tap) []torch.Tensor {
	var all []*torch.Tensor
	for i := range taps {
		all = append(all, taps[i].tensors()...)
	}
	n := len(outputs) - len(all)
	for i, t := range all {
		*t = outputs[n+i]
	}
	return outputs[:n]
}
