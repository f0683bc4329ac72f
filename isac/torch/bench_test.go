package torch_test

import (
	"context"
	"syscall"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// BenchmarkCall measures the way there and back: a query about a tensor, and the smallest operation with its Close.
func BenchmarkCall(b *testing.B) {
	torchtest.Require(b)
	scoped(b, func() {
		x := torch.Scalar(1)
		b.Run("scalar shape", func(b *testing.B) {
			for range b.N {
				_ = x.Dim()
			}
		})
		b.Run("live handles", func(b *testing.B) {
			for range b.N {
				_ = torch.LiveHandles()
			}
		})
		b.Run("detach and close", func(b *testing.B) {
			for range b.N {
				x.Detach().Close()
			}
		})
		b.Run("add and close", func(b *testing.B) {
			torch.NoGrad(func() {
				for range b.N {
					x.Add(x).Close()
				}
			})
		})
		b.Run("empty scope", func(b *testing.B) {
			for range b.N {
				torch.WithScope(func() []T { return nil })
			}
		})
	})
}

func BenchmarkScopedAdds1MiB(b *testing.B) {
	torchtest.Require(b)
	one := torch.Ones([]int64{1 << 18}, torch.Float32, torch.CPU)
	defer one.Close()
	b.SetBytes(100 << 20)
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	defer func() {
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		b.ReportMetric(float64(after.Minflt-before.Minflt)/float64(b.N), "faults/op") // 25600 if every page is fetched anew
	}()
	for range b.N {
		torch.WithScope(func() []T {
			for range 100 {
				one.Add(one)
			}
			return nil
		})
	}
}

func BenchmarkExecutor(b *testing.B) {
	torchtest.Require(b)
	e := torch.NewExecutor()
	defer e.Close()
	for range b.N {
		if err := e.Do(context.Background(), func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAttentionMean(b *testing.B) {
	torchtest.Require(b)
	for _, grad := range []bool{false, true} {
		name := map[bool]string{false: "value", true: "value and gradient"}[grad]
		b.Run(name, func(b *testing.B) {
			for range b.N {
				scoped(b, func() {
					q := random(1, 1, 8, 1024, 40).To(torch.Float32).SetRequiresGrad(grad)
					k := random(2, 1, 8, 1024, 40).To(torch.Float32)
					m := torch.AttentionMean(q, k, 0.158, 0)
					if grad {
						torch.Grad(m.Square().SumAll(), q)
					}
				})
			}
		})
	}
}
