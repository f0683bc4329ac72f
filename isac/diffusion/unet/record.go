package unet

import (
	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/torch"
)

// Recorder is handed every attention layer that was passed, in the model's order, when a forward pass is done. The tensors belong to
// the scope that Forward was called in, and carry gradient where gradient is enabled.
type Recorder func(isac.Tap)

// record collects taps on the way through the layers. Queries and keys are made in the scopes of inner layers, which free what they
// made: each scope hands them on with its result. A nil record collects nothing.
type record struct{ taps []isac.Tap }

// scoped runs fn in a scope and keeps its result and what it recorded.
func (r *record) scoped(fn func() torch.Tensor) torch.Tensor {
	if r == nil {
		return torch.Scoped(fn)
	}
	first := len(r.taps)
	return r.restore(first, torch.WithScope(func() []torch.Tensor { return r.outputs(first, fn()) }))
}

// outputs lists a result and the queries and keys recorded since first.
func (r *record) outputs(first int, result torch.Tensor) []torch.Tensor {
	out := []torch.Tensor{result}
	for _, t := range r.taps[first:] {
		out = append(out, t.Q, t.K)
	}
	return out
}

// restore is the inverse of outputs: it puts the tensors back into the record and gives the result.
func (r *record) restore(first int, outputs []torch.Tensor) torch.Tensor {
	for i := range r.taps[first:] {
		r.taps[first+i].Q, r.taps[first+i].K = outputs[1+2*i], outputs[2+2*i]
	}
	return outputs[0]
}
