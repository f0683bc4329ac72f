//go:build unix

package torch_test

import (
	"syscall"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// faults counts the pages that the kernel had to give this process so far.
func faults(t *testing.T) int64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return int64(u.Minflt)
}

// TestBlocksOfASmallModelAreKept holds that tensors of some megabytes come from memory that the process has, also where their sizes differ
// and no more of them were ever in use at once: a step of a small model lost a quarter of its time to pages.
func TestBlocksOfASmallModelAreKept(t *testing.T) {
	torchtest.Require(t)
	torch.EmptyCache(torch.CPU)
	torch.ResetPeak(torch.CPU)
	step := func() {
		for _, mib := range []int64{1, 4, 2, 6, 3, 5} {
			torch.Scoped(func() torch.Tensor { return torch.Ones([]int64{mib << 18}, torch.Float32, torch.CPU) }).Close()
		}
	}
	step()
	before := faults(t)
	for range 20 {
		step()
	}
	if pages := faults(t) - before; pages > 1000 { // 21 MiB are 5376 pages a step
		t.Errorf("20 steps of %d MiB took %d new pages", 21, pages)
	}
}

// TestBlocksUpToThePeakAreKeptWhileARunLasts holds that a step finds the memory that the step before had, however much it was, and that
// little of it stays when the run has ended.
func TestBlocksUpToThePeakAreKeptWhileARunLasts(t *testing.T) {
	torchtest.Require(t)
	torch.EmptyCache(torch.CPU)
	e := torch.NewExecutor()
	defer e.Close()
	idle := func() int64 { m := torch.MemoryStats(torch.CPU); return m.Allocated - m.Tensors }
	run := func() error {
		step := func() {
			scoped(t, func() {
				for range 3 {
					torch.Ones([]int64{256 << 18}, torch.Float32, torch.CPU)
				}
			})
		}
		step()
		before := idle()
		step()
		if grown := idle() - before; grown > 64<<20 || grown < -64<<20 {
			t.Errorf("another step of 768 MiB changed what is kept by %d MiB", grown>>20)
		}
		if before < 700<<20 {
			t.Errorf("%d MiB are resident and not in use after a step of 768 MiB", before>>20)
		}
		return nil
	}
	before := idle()
	if err := e.Do(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if kept := idle() - before; kept > 600<<20 {
		t.Errorf("%d MiB are kept after the run", kept>>20)
	}
}
