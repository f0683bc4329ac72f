package torch_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func TestExecutorRunsInAScope(t *testing.T) {
	torchtest.Require(t)
	e := torch.NewExecutor()
	defer e.Close()
	var sum float64
	err := e.Do(context.Background(), func() error {
		sum = vec(1, 2).SumAll().Item()
		return nil
	})
	if err != nil || sum != 3 {
		t.Errorf("got %v, %v", sum, err)
	}
	err = e.Do(context.Background(), func() error { zeros(3, 4).Matmul(zeros(5, 6)); return nil })
	wantError(t, err, torch.KindTorch)
	mine := errors.New("mine")
	if err := e.Do(context.Background(), func() error { return mine }); err != mine {
		t.Errorf("got %v", err)
	}
	err = e.Do(context.Background(), func() error { panic("boom") })
	var p *torch.PanicError
	if !errors.As(err, &p) || p.Value != "boom" || !strings.Contains(p.Stack, "executor_test.go") {
		t.Errorf("got %v", err)
	}
	if err := e.Do(context.Background(), func() error { return nil }); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

// hold occupies an executor until release is called.
func hold(t *testing.T, e *torch.Executor) (release func()) {
	t.Helper()
	started, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		if err := e.Do(context.Background(), func() error { close(started); <-end; return nil }); err != nil {
			t.Error(err)
		}
	}()
	<-started
	return func() { close(end); wg.Wait() }
}

// awaitQueued waits until so many calls of Do wait their turn: they stand in its select, and the one that runs does not.
func awaitQueued(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		waiting := 0
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			state, calls, _ := strings.Cut(stack, "\n")
			if strings.Contains(state, "[select") && strings.HasPrefix(calls, "github.com/isac-guidance/isac/isac/torch.(*Executor).Do(") {
				waiting++
			}
		}
		if waiting == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d calls wait after a minute, want %d:\n%s", waiting, want, stacks)
		}
	}
}

func TestExecutorOrder(t *testing.T) {
	torchtest.Require(t)
	e := torch.NewExecutor()
	defer e.Close()
	release := hold(t, e)
	var got []int
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			// Only the executor's thread writes got.
			if err := e.Do(context.Background(), func() error { got = append(got, i); return nil }); err != nil {
				t.Error(err)
			}
		}()
		awaitQueued(t, i+1) // so that the calls arrive in this order
	}
	release()
	wg.Wait()
	if want := []int{0, 1, 2, 3, 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestExecutorCancel(t *testing.T) {
	torchtest.Require(t)
	e := torch.NewExecutor()
	defer e.Close()
	release := hold(t, e)
	ran := false
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := e.Do(ctx, func() error { ran = true; return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a queued call gave %v", err)
	}
	release()
	if err := e.Do(ctx, func() error { ran = true; return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call with an ended context gave %v", err)
	}
	if ran {
		t.Error("a cancelled function ran")
	}
}

func TestExecutorClose(t *testing.T) {
	torchtest.Require(t)
	e := torch.NewExecutor()
	release := hold(t, e)
	waiting := make(chan error)
	go func() { waiting <- e.Do(context.Background(), func() error { return nil }) }()
	awaitQueued(t, 1)
	closed := make(chan struct{})
	go func() { e.Close(); e.Close(); close(closed) }()
	if err := <-waiting; !errors.Is(err, torch.ErrExecutorClosed) {
		t.Errorf("a waiting call gave %v", err)
	}
	select {
	case <-closed:
		t.Error("Close did not wait for the running function")
	case <-time.After(20 * time.Millisecond):
	}
	release()
	<-closed
	if err := e.Do(context.Background(), func() error { return nil }); !errors.Is(err, torch.ErrExecutorClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestExecutorSurvivesGoexit(t *testing.T) {
	torchtest.Require(t)
	e := torch.NewExecutor()
	defer e.Close()
	err := e.Do(context.Background(), func() error { zeros(2); runtime.Goexit(); return nil })
	if err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Errorf("got %v", err)
	}
	if err := e.Do(context.Background(), func() error { return nil }); !errors.Is(err, torch.ErrExecutorClosed) {
		t.Errorf("afterwards: %v", err)
	}
}
