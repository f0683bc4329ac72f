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
