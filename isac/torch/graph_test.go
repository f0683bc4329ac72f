package torch_test

import (
	"errors"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// onDevices runs a test on the CPU, and on a GPU where there is one.
func onDevices(t *testing.T, fn func(t *testing.T, dev torch.Device)) {
	torchtest.Require(t)
	t.Run("cpu", func(t *testing.T) { fn(t, torch.CPU) })
	t.Run("cuda", func(t *testing.T) { fn(t, requireCUDA(t)) })
}

// TestGraphRepeats runs a recorded function on other values than it was recorded with, and takes its gradient.
func TestGraphRepeats(t *testing.T) {
	onDevices(t, func(t *testing.T, dev torch.Device) {
		scoped(t, func() {
			w := random(1, 4, 4).ToDevice(dev)
			calls := 0
			fn := func(in []T) []T {
				calls++
				h := in[0].Matmul(w).Tanh()
				return []T{h.Matmul(h.Transpose(0, 1)), h.Detach().SumAll(), in[2]}
			}
			first := random(2, 3, 4).ToDevice(dev).SetRequiresGrad(true)
			constant := random(3, 2).ToDevice(dev)
			g, err := torch.NewGraph(fn, first, T{}, constant)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			recorded := calls
			for seed := range uint64(3) {
				x := random(10+seed, 3, 4).ToDevice(dev).SetRequiresGrad(true)
				other := random(20+seed, 2).ToDevice(dev)
				weight := random(30+seed, 3, 3).ToDevice(dev)
				want := fn([]T{x, {}, other})
				got := g.Run(x, T{}, other)
				for i := range want {
					near(t, got[i].Float64s(), want[i].Float64s(), 1e-6)
				}
				if !got[0].RequiresGrad() || got[1].RequiresGrad() || got[2].RequiresGrad() {
					t.Errorf("requires a gradient: %v %v %v", got[0].RequiresGrad(), got[1].RequiresGrad(), got[2].RequiresGrad())
				}
				loss := func(of []T) T { return of[0].Mul(weight).SumAll().Mul(x.SumAll()) } // x outside of the graph as well
				near(t, torch.Grad(loss(got), x)[0].Float64s(), torch.Grad(loss(want), x)[0].Float64s(), 1e-5)
			}
			if dev != torch.CPU && calls != recorded+3 {
				t.Errorf("the function was called %d times after it was recorded, 3 are the test's own", calls-recorded)
			}
			// Without gradients a result is the caller's: the next run does not change it.
			torch.NoGrad(func() {
				x := random(40, 3, 4).ToDevice(dev)
				kept := g.Run(x, T{}, constant)[0]
				before := kept.Float64s()
				g.Run(x.MulScalar(2), T{}, constant)
				near(t, kept.Float64s(), before, 0)
			})
		})
	})
}

// TestGraphWithoutGradient records with gradients off, and refuses other shapes.
func TestGraphWithoutGradient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev torch.Device) {
		scoped(t, func() {
			torch.NoGrad(func() {
				g, err := torch.NewGraph(func(in []T) []T { return []T{in[0].MulScalar(2)} }, random(1, 3).ToDevice(dev))
				if err != nil {
					t.Fatal(err)
				}
				x := random(2, 3).ToDevice(dev)
				near(t, g.Run(x)[0].Float64s(), x.MulScalar(2).Float64s(), 0)
				wantError(t, torch.Try(func() error { g.Run(random(3, 4).ToDevice(dev)); return nil }), torch.KindTorch)
				g.Close()
				wantError(t, torch.Try(func() error { g.Run(x); return nil }), torch.KindHandle)
			})
		})
	})
}

// A function that fails is an error, and everything goes on.
func TestGraphOfAFunctionThatFails(t *testing.T) {
	onDevices(t, func(t *testing.T, dev torch.Device) {
		scoped(t, func() {
			x := random(1, 3).ToDevice(dev)
			_, err := torch.NewGraph(func(in []T) []T { return []T{in[0].Matmul(random(2, 5, 5).ToDevice(dev))} }, x)
			var e *torch.Error
			if !errors.As(err, &e) {
				t.Errorf("got %v", err)
			}
			near(t, x.MulScalar(2).DivScalar(2).Float64s(), x.Float64s(), 0)
		})
	})
}

// On a GPU a function that reads values to Go cannot be recorded: it says so, and the GPU works afterwards.
func TestCUDAGraphRefusesReads(t *testing.T) {
	gpu := requireCUDA(t)
	scoped(t, func() {
		x := random(1, 3).ToDevice(gpu)
		if _, err := torch.NewGraph(func(in []T) []T { return []T{in[0].MulScalar(in[0].SumAll().Item())} }, x); err == nil {
			t.Error("recorded")
		}
		near(t, x.MulScalar(2).Float64s(), x.Add(x).Float64s(), 1e-6)
	})
}
