// Package torch is this project's own, small binding of libtorch: tensors, gradients with respect to inputs, and the operations
// that diffusion models need.
//
// # Why an own binding
//
// The project was to stand on github.com/wangkuiyi/gotorch. The Go module proxy does not serve it; it ended in 2020 at libtorch
// 1.6, has no attention, normalisation layers or autograd::grad, and frees tensors by finalizers. This package takes its place
// and keeps its manners: a C layer apart from the Go layer, and torch's own names.
//
// # How it is loaded
//
// The C++ part (folder shim) is a library of its own, libisactorch.so, built with `make shim` against whichever libtorch a
// machine has. It is opened with dlopen by Load, or by the first operation, so a Go program builds and starts without libtorch,
// and the same program runs with a CPU build and with a CUDA build. The library carries a number that is a hash of the C
// interface: a stale one is refused with an error that says so.
//
// # Scopes
//
// Go's garbage collector does not see native memory: ten thousand 4 MiB tensors are ten thousand words to it, and it would never
// run. So tensors are not freed by finalizers but live in scopes. A scope frees everything that was made inside it, but for what
// it returns:
//
//	y := torch.Scoped(func() torch.Tensor {
//		h := x.Matmul(w).Silu()        // x.Matmul(w) and h are freed when the scope ends
//		return h.Add(x)                // this one moves to the enclosing scope
//	})
//
// Scopes nest. At the edge of a program part (a request, a step) use InScope, which frees everything and turns errors of
// operations into a Go error:
//
//	err := torch.InScope(func() error {
//		image = decode(latent).Float32s()
//		return nil
//	})
//
// What must outlive all scopes, such as weights, is taken out with Keep and then freed with Close. Outside any scope a tensor
// belongs to the caller, who must Close it. LiveHandles counts what is alive; it is 0 at the end of every test.
//
// A tensor that leaves an inner scope lives until the outer one ends. In a long loop an accumulator that is replaced again and
// again should therefore be closed, or the loop's body be a scope of its own.
//
// Scopes, NoGrad and WithGrad belong to an OS thread, and lock the calling goroutine to its thread while they run. Do not share
// one scope between goroutines. A model belongs to one Executor, which owns a thread.
//
// # Errors
//
// Operations panic with *Error, so that a model's forward pass reads like mathematics. Try, InScope and Executor.Do turn that
// panic into an error at the edge; other panics pass through the first two. An error names the operation and the shapes:
//
//	torch.matmul[[3 4] [5 6]]: mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)
//
// # Adding an operation
//
// Write one line in ops.txt, then run `go generate ./isac/torch` and `make shim`.
package torch

//go:generate go run ./internal/gen
