package torch

/*
#include "isac_call.h"
#cgo noescape isac_graph_new
#cgo noescape isac_graph_run
#cgo nocallback isac_graph_free
*/
import "C"

import (
	"runtime/cgo"
)

// Graph is a function of tensors that was recorded and is repeated whole. On a GPU one run is one launch, in the place of one for each
// operation, and its gradient another: CUDA graphs. On the CPU the function is run each time, by the same rules.
//
// What was recorded is repeated to the letter: the function must not read values to Go, nor depend on any, must make no tensor of Go's
// values, and its inputs always have the shapes and types that they had. Tensors that it captures (weights) have to stay where they are.
// A graph on a GPU keeps the memory that the function takes, gradient included, until it is closed.
type Graph struct{ id C.int64_t }

// NewGraph records fn on inputs, undefined ones being left undefined, for the thread that it is called on; with a gradient where those
// are enabled and an input requires one. On a GPU fn is called three times. It fails where fn does, or does what cannot be recorded.
func NewGraph(fn func([]Tensor) []Tensor, inputs ...Tensor) (*Graph, error) {
	ensure()
	g := &Graph{}
	err := Try(func() error {
		defer collect()
		h := cgo.NewHandle(closure(fn)) // C++ owns it from here on, collect deletes it
		r := C.isac_graph_new(C.uintptr_t(h), ids(inputs), C.int64_t(len(inputs)))
		check(r.err)
		g.id = C.int64_t(r.value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Run is fn(inputs). Of a graph with a gradient, and where those are enabled, the results are good until the next run and have to be
// differentiated before it; else they are the caller's.
func (g *Graph) Run(inputs ...Tensor) []Tensor {
	ensure()
	defer collect()
	return takeList(C.isac_graph_run(g.id, ids(inputs), C.int64_t(len(inputs))))
}

// Close frees what the graph holds.
func (g *Graph) Close() {
	ensure()
	check(C.isac_graph_free(g.id).err)
	collect()
}
