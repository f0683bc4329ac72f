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

	taps []Tap
	all  int // layers that the backbone has, 0 if it does not say
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
	f := &Recorder{Only: r.Only}
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
	return r.restore(first, torch.WithScope(func() []torch.Tensor { return r.outputs(first, fn()) }))
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
	inner := r.Fresh()
	outputs := torch.Checkpoint(func(in []torch.Tensor) []torch.Tensor {
		inner.taps = nil // what the run before recorded
		return inner.outputs(0, fn(in, inner))
	}, inputs...)
	results := inner.restore(0, outputs)
	r.taps = append(r.taps, inner.taps...)
	return results
}

// outputs lists results, and the queries and keys recorded since first.
func (r *Recorder) outputs(first int, results []torch.Tensor) []torch.Tensor {
	out := results[:len(results):len(results)]
	for _, t := range r.taps[first:] {
		out = append(out, t.Q, t.K)
	}
	return out
}

// restore is the inverse of outputs: it puts the tensors back into the record and gives the results.
func (r *Recorder) restore(first int, outputs []torch.Tensor) []torch.Tensor {
	taps := r.taps[first:]
	n := len(outputs) - 2*len(taps)
	for i := range taps {
		taps[i].Q, taps[i].K = outputs[n+2*i], outputs[n+1+2*i]
	}
	return outputs[:n]
}
