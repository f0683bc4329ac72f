package torch_test

import (
	"context"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// requireCUDA skips where there is no GPU.
func requireCUDA(t *testing.T) torch.Device {
	t.Helper()
	torchtest.Require(t)
	for _, d := range torch.GetInfo().Devices {
		if d.Device != torch.CPU && d.Total > 0 {
			return d.Device
		}
	}
	t.Skip("no CUDA device")
	return ""
}

func TestCUDAComputes(t *testing.T) {
	gpu := requireCUDA(t)
	scoped(t, func() {
		x := m23().ToDevice(gpu)
		if x.Device() != gpu {
			t.Errorf("on %s, want %s", x.Device(), gpu)
		}
		near(t, x.Matmul(x.Transpose(0, 1)).Float64s(), []float64{14, 32, 32, 77}, 1e-6)
		near(t, torch.Full([]int64{2}, 3, torch.Float16, gpu).Float64s(), []float64{3, 3}, 0)
		torch.Synchronize(gpu)
	})
}

func TestCUDAMemory(t *testing.T) {
	gpu := requireCUDA(t)
	torch.EmptyCache(gpu)
	torch.ResetPeak(gpu)
	before := torch.MemoryStats(gpu)
	scoped(t, func() {
		torch.Zeros([]int64{64 << 20}, torch.Uint8, gpu)
		if m := torch.MemoryStats(gpu); m.Allocated < before.Allocated+64<<20 || m.Reserved < m.Allocated || m.Total < m.Free {
			t.Errorf("with 64 MiB %+v, before %+v", m, before)
		}
	})
	torch.EmptyCache(gpu)
	if m := torch.MemoryStats(gpu); m.Allocated != before.Allocated || m.Peak < before.Allocated+64<<20 || m.Reserved > before.Reserved {
		t.Errorf("afterwards %+v, before %+v", m, before)
	}
}

// TestCUDAOutOfMemory asks for more than any GPU has, then goes on.
func TestCUDAOutOfMemory(t *testing.T) {
	gpu := requireCUDA(t)
	e := torch.NewExecutor()
	defer e.Close()
	err := e.Do(context.Background(), func() error {
		torch.Zeros([]int64{1 << 42}, torch.Uint8, gpu)
		return nil
	})
	if failure := wantError(t, err, torch.KindCUDAMemory); !torch.IsOutOfMemory(err) || torch.IsFatal(err) || strings.Contains(failure.Message, "Exception raised from") {
		t.Errorf("got %q", failure)
	}
	if err := e.Do(context.Background(), func() error { torch.Zeros([]int64{1}, torch.Float32, gpu).Item(); return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestCUDACheckpoint differentiates through a closure, which libtorch calls on the device's own thread.
func TestCUDACheckpoint(t *testing.T) {
	gpu := requireCUDA(t)
	scoped(t, func() {
		w := random(1, 4, 4).ToDevice(gpu)
		x := random(2, 3, 4).ToDevice(gpu).SetRequiresGrad(true)
		got := torch.Grad(torch.Checkpoint(func(in []T) []T { return torch.Checkpoint(block(w), in...) }, x)[0].SumAll(), x)[0]
		want := torch.Grad(block(w)([]T{x})[0].SumAll(), x)[0]
		near(t, got.Float64s(), want.Float64s(), 1e-12)
	})
}

func TestCUDAAttentionMean(t *testing.T) {
	gpu := requireCUDA(t)
	scoped(t, func() {
		q, k := random(1, 1, 2, 70, 8).ToDevice(gpu).SetRequiresGrad(true), random(2, 1, 2, 50, 8).ToDevice(gpu)
		want, got := naiveMean(q, k, 0.3), torch.AttentionMean(q, k, 0.3, 16)
		near(t, got.Float64s(), want.Float64s(), 1e-12)
		near(t, torch.Grad(got.Square().SumAll(), q)[0].Float64s(), torch.Grad(want.Square().SumAll(), q)[0].Float64s(), 1e-12)
	})
}
