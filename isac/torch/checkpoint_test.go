package torch_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// block is a residual block with constant weights.
func block(w T) func([]T) []T {
	return func(in []T) []T { return []T{in[0].Add(in[0].Matmul(w).Tanh())} }
}

func TestCheckpointEqualsPlain(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		w := random(1, 4, 4)
		run := func(wrap func(func([]T) []T, ...T) []T) (value, grad []float64) {
			x := random(2, 3, 4).SetRequiresGrad(true)
			h := x
			for range 5 {
				h = wrap(block(w), h)[0]
			}
			loss := h.Square().SumAll()
			return h.Float64s(), torch.Grad(loss, x)[0].Float64s()
		}
		wantValue, wantGrad := run(func(fn func([]T) []T, in ...T) []T { return fn(in) })
		gotValue, gotGrad := run(torch.Checkpoint)
		near(t, gotValue, wantValue, 0)
		near(t, gotGrad, wantGrad, 1e-14)
	})
}

// TestCheckpointNested has a checkpoint inside a checkpoint, scopes inside both.
func TestCheckpointNested(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		w := random(1, 4, 4)
		calls := 0
		inner := func(in []T) []T {
			calls++
			return []T{torch.Scoped(func() T { return block(w)(in)[0] })}
		}
		outer := func(in []T) []T {
			mid := torch.Checkpoint(inner, in[0])
			return torch.Checkpoint(inner, mid[0])
		}
		x := random(2, 3, 4).SetRequiresGrad(true)
		got := torch.Grad(torch.Checkpoint(outer, x)[0].SumAll(), x)[0].Float64s()
		y := random(2, 3, 4).SetRequiresGrad(true)
		want := torch.Grad(block(w)(block(w)([]T{y}))[0].SumAll(), y)[0].Float64s()
		near(t, got, want, 1e-14)
		// Forward 2; the outer backward runs the inner forwards again 2; each inner backward once more 2.
		if calls != 6 {
			t.Errorf("the inner closure ran %d times, want 6", calls)
		}
	})
}

// TestCheckpointOnAForeignThread nests so deep that libtorch moves the backward pass to a thread of its own (it does after 60
// levels; on a GPU it always does), where Go is called on a thread that it never made.
func TestCheckpointOnAForeignThread(t *testing.T) {
	torchtest.Require(t)
	const depth = 70
	scoped(t, func() {
		threads := map[int]bool{}
		var level func(n int) func([]T) []T
		level = func(n int) func([]T) []T {
			return func(in []T) []T {
				threads[syscall.Gettid()] = true
				if n == 0 {
					return []T{torch.Scoped(func() T { return in[0].Square() })}
				}
				return torch.Checkpoint(level(n-1), in[0])
			}
		}
		x := leaf([]float64{1, 2, 3})
		near(t, torch.Grad(level(depth)([]T{x})[0].SumAll(), x)[0].Float64s(), []float64{2, 4, 6}, 0)
		if len(threads) < 2 {
			t.Errorf("the closure ran on %d thread; the test does not test what it should", len(threads))
		}
	})
}

// TestCheckpointManyInputs has several inputs and outputs, of which some are undefined, integers, unused or not differentiable.
func TestCheckpointManyInputs(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		x, y, fixed := leaf([]float64{1, 2}), leaf([]float64{3, 4}), torch.FromFloat64s([]float64{5, 6})
		out := torch.Checkpoint(func(in []T) []T {
			if in[3].Defined() {
				t.Error("an undefined input became defined")
			}
			return []T{in[0].Mul(in[2]), in[1].Mul(in[0]), long(7), in[2]}
		}, x, y, fixed, none)
		near(t, out[2].Float64s(), []float64{7}, 0)
		g := torch.Grad(out[0].SumAll().Add(out[1].SumAll()).Add(out[3].SumAll()), x, y)
		near(t, g[0].Float64s(), []float64{8, 10}, 0)
		near(t, g[1].Float64s(), []float64{1, 2}, 0)
		if fixed.RequiresGrad() {
			t.Error("a captured tensor that the closure returned got a history")
		}
	})
}

// TestCheckpointWithoutGraph runs the closure directly, once.
func TestCheckpointWithoutGraph(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		calls := 0
		fn := func(in []T) []T { calls++; return []T{in[0].AddScalar(1)} }
		near(t, torch.Checkpoint(fn, vec(1))[0].Float64s(), []float64{2}, 0)
		torch.NoGrad(func() { torch.Checkpoint(fn, leaf([]float64{1})) })
		if calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
}

func messageOf(e *torch.Error) string { return e.Message }

func TestCheckpointPanics(t *testing.T) {
	torchtest.Require(t)
	// In forward: an operation's error keeps its own name.
	err := torch.InScope(func() error {
		torch.Checkpoint(func(in []T) []T { return []T{in[0].Matmul(zeros(5, 6))} }, leaf([]float64{1, 2}, 1, 2))
		return nil
	})
	if e := wantError(t, err, torch.KindTorch); !strings.HasPrefix(e.Error(), "torch.matmul[[1 2] [5 6]]: ") || !strings.Contains(e.Where, "checkpoint_test.go:") {
		t.Errorf("got %q at %s", e, e.Where)
	}
	// In backward: any panic, through libtorch's engine.
	for _, boom := range []func(){
		func() { panic("boom") },
		func() { t.Log(messageOf(nil)) }, // a SIGSEGV inside Go, under C++
	} {
		err = torch.InScope(func() error {
			calls := 0
			x := leaf([]float64{1, 2})
			y := torch.Checkpoint(func(in []T) []T {
				if calls++; calls == 2 {
					boom()
				}
				return []T{in[0].Exp()}
			}, x)
			torch.Grad(y[0].SumAll(), x)
			return nil
		})
		e := wantError(t, err, torch.KindClosure)
		if !strings.HasPrefix(e.Error(), "torch.checkpoint: panic in the closure: ") || !strings.Contains(e.Stack, "checkpoint_test.go") {
			t.Errorf("got %q with stack\n%s", e, e.Stack)
		}
	}
	// A closure that is not a function of its inputs.
	err = torch.InScope(func() error {
		calls := 0
		x := leaf([]float64{1, 2})
		y := torch.Checkpoint(func(in []T) []T {
			if calls++; calls == 2 {
				return []T{in[0], in[0]}
			}
			return []T{in[0].Exp()}
		}, x)
		torch.Grad(y[0].SumAll(), x)
		return nil
	})
	if e := wantError(t, err, torch.KindTorch); !strings.Contains(e.Message, "the closure gave 1 tensors in forward and 2 in backward") {
		t.Errorf("got %q", e)
	}
	// The process goes on.
	scoped(t, func() { near(t, vec(1).AddScalar(1).Float64s(), []float64{2}, 0) })
}

// TestCheckpointFromOtherGoroutines differentiates on many threads at once.
func TestCheckpointFromOtherGoroutines(t *testing.T) {
	torchtest.Require(t)
	errs := make(chan error)
	for range 6 {
		go func() {
			errs <- torch.InScope(func() error {
				for range 20 {
					x := leaf([]float64{1, 2})
					y := torch.Checkpoint(func(in []T) []T { return []T{in[0].Square()} }, x)
					near(t, torch.Grad(y[0].SumAll(), x)[0].Float64s(), []float64{2, 4}, 0)
				}
				return nil
			})
		}()
	}
	for range 6 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
