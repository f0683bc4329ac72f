package torch

/*
#include "isac_call.h"
#cgo nocallback isac_generator_new
#cgo nocallback isac_generator_free
#cgo nocallback isac_randn
#cgo noescape isac_randn
#cgo nocallback isac_rand
#cgo noescape isac_rand
#cgo nocallback isac_randperm
*/
import "C"

// Generator makes random numbers on the CPU: the sequence of torch.Generator().manual_seed(seed) in Python. Not for several
// goroutines at once.
type Generator struct{ p int64 }

// NewGenerator returns a generator; Close it.
func NewGenerator(seed uint64) *Generator {
	ensure()
	r := C.isac_generator_new(C.uint64_t(seed))
	check(r.err)
	return &Generator{int64(r.value)}
}

// Randn returns a float32 tensor on the CPU of standard normal numbers.
func (g *Generator) Randn(shape ...int64) Tensor {
	return wrap(C.isac_randn(C.int64_t(g.p), ints(shape), C.int64_t(len(shape))))
}

// Rand returns a float32 tensor on the CPU of numbers uniform in [0, 1).
func (g *Generator) Rand(shape ...int64) Tensor {
	return wrap(C.isac_rand(C.int64_t(g.p), ints(shape), C.int64_t(len(shape))))
}

// RandPerm returns the numbers 0 to n-1 in random order, int64 on the CPU.
func (g *Generator) RandPerm(n int64) Tensor {
	return wrap(C.isac_randperm(C.int64_t(g.p), C.int64_t(n)))
}

// Close frees the generator; a second Close does nothing.
func (g *Generator) Close() {
	if g.p == 0 {
		return
	}
	check(C.isac_generator_free(C.int64_t(g.p)).err)
	g.p = 0
}
