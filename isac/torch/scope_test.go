package torch_test

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// alive returns how many tensors body leaves behind, or has alive at its end.
func alive(body func()) int {
	before := torch.LiveHandles()
	body()
	return torch.LiveHandles() - before
}

func TestScopeFreesWhatIsNotReturned(t *testing.T) {
	torchtest.Require(t)
	var out T
	n := alive(func() {
		out = torch.Scoped(func() T {
			inside := alive(func() { zeros(2); zeros(3) })
			if inside != 2 {
				t.Errorf("%d tensors alive inside, want 2", inside)
			}
			return zeros(4).AddScalar(1)
		})
	})
	if n != 1 {
		t.Errorf("%d tensors alive after the scope, want the returned one", n)
	}
	near(t, out.Float64s(), []float64{1, 1, 1, 1}, 0)
	out.Close() // no enclosing scope: it is ours
}

func TestNestedScopes(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		outer := zeros(1)
		promoted := torch.WithScope(func() []T {
			twice := zeros(2)
			// A tensor of the outer scope stays there; undefined and repeated results are allowed.
			return []T{outer, twice, twice, none}
		})
		if n := alive(func() { zeros(5) }); n != 1 {
			t.Errorf("the outer scope does not take new tensors")
		}
		near(t, promoted[1].Float64s(), []float64{0, 0}, 0)
		near(t, outer.Float64s(), []float64{0}, 0)
	})
}

func TestKeepLeavesAllScopes(t *testing.T) {
	torchtest.Require(t)
	var kept T
	scoped(t, func() {
		torch.WithScope(func() []T {
			kept = torch.Ones([]int64{2}, torch.Float32, torch.CPU).Keep()
			return nil
		})
	})
	near(t, kept.Float64s(), []float64{1, 1}, 0)
	kept.Close()
}

func TestScopeAndPanics(t *testing.T) {
	torchtest.Require(t)
	n := alive(func() {
		err := torch.InScope(func() error {
			zeros(2)
			torch.Scoped(func() T { return zeros(3, 4).Matmul(zeros(5, 6)) })
			return nil
		})
		wantError(t, err, torch.KindTorch)
	})
	if n != 0 {
		t.Errorf("%d tensors alive after an operation's panic", n)
	}
	n = alive(func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("recovered %v, want the panic of the function", r)
			}
		}()
		_ = torch.InScope(func() error { zeros(2); panic("mine") })
	})
	if n != 0 {
		t.Errorf("%d tensors alive after a foreign panic", n)
	}
	n = alive(func() {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() { // a goroutine that leaves by runtime.Goexit, as t.FailNow does
			defer wg.Done()
			torch.WithScope(func() []T {
				zeros(2)
				runtime.Goexit()
				return nil
			})
		}()
		wg.Wait()
	})
	if n != 0 {
		t.Errorf("%d tensors alive after runtime.Goexit", n)
	}
}

func TestScopeReturnsError(t *testing.T) {
	torchtest.Require(t)
	mine := errors.New("mine")
	if err := torch.InScope(func() error { zeros(2); return mine }); err != mine {
		t.Errorf("got %v", err)
	}
	err := torch.InScope(func() error {
		torch.Scoped(func() T {
			x := zeros(2)
			x.Close()
			return x
		})
		return nil
	})
	if e := wantError(t, err, torch.KindHandle); e.Message != "a tensor returned from a scope is closed" {
		t.Errorf("got %q", e)
	}
}

// TestScopesOnManyThreads has goroutines with scopes of their own at once.
func TestScopesOnManyThreads(t *testing.T) {
	torchtest.Require(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 50 {
				out := torch.Scoped(func() T {
					x := torch.Full([]int64{4}, float64(g), torch.Float32, torch.CPU)
					for range 10 {
						x = x.AddScalar(1)
					}
					return x
				})
				if got := out.Float32s()[3]; got != float32(g+10) {
					t.Errorf("goroutine %d got %v", g, got)
				}
				out.Close()
			}
		}()
	}
	wg.Wait()
}

func TestLiveList(t *testing.T) {
	torchtest.Require(t)
	x := zeros(2, 3)
	defer x.Close()
	list := strings.Join(torch.LiveList(100), "\n")
	if want := "zeros [2, 3] Float " + string(x.Device()); !strings.Contains(list, want) {
		t.Errorf("no %q in\n%s", want, list)
	}
}

// TestMemoryStaysFlat makes 10,000 tensors of 1 MiB in scopes of 100.
func TestMemoryStaysFlat(t *testing.T) {
	torchtest.Require(t)
	const bound = 300 << 20
	runtime.LockOSThread() // as an executor does; each thread that allocates keeps its own freed memory
	defer runtime.UnlockOSThread()
	before := resident(t)
	one := torch.Ones([]int64{1 << 18}, torch.Float32, torch.CPU)
	defer one.Close()
	for range 100 {
		scoped(t, func() {
			x := one
			for range 100 {
				x = x.Add(one)
			}
			if n := torch.LiveHandles(); n > 110 {
				t.Fatalf("%d tensors alive", n)
			}
		})
	}
	if grown := resident(t) - before; grown > bound {
		t.Errorf("resident memory grew by %d MiB, want less than %d", grown>>20, bound>>20)
	}
}

// TestLongScopeForgets has one scope outlive many closed tensors: its own list must not grow with them.
func TestLongScopeForgets(t *testing.T) {
	torchtest.Require(t)
	if raceEnabled {
		t.Skip("the race detector's own memory hides the list's")
	}
	scoped(t, func() {
		x := zeros(1)
		spin := func(n int) {
			for range n {
				y := x.Detach()
				x.Close()
				x = y
			}
		}
		spin(50_000)
		before := resident(t)
		spin(1_000_000) // 8 MB of handles, if they were remembered
		if grown := resident(t) - before; grown > 2<<20 {
			t.Errorf("resident memory grew by %d KiB", grown>>10)
		}
	})
}

func resident(t testing.TB) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
