//go:build unix

package server_test

import (
	"errors"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

func TestPluginIsKilledWhileItRuns(t *testing.T) {
	torchtest.Require(t)
	dir := tempDir(t)
	c := start(t, func(config *plugin.Config) { config.TempDir = dir })
	m := run(t, c.Nodes, "Diagonal", ones()).Outputs[0]
	if len(list(dir)) != 1 {
		t.Errorf("%v, expected one private directory", list(dir))
	}
	request := plugin.Request{NodeID: "5", Class: "Eigenvalue", Inputs: map[string]plugin.Value{"matrix": m, "steps": number("1000000000")}}
	killed := false
	_, err := c.Execute(t.Context(), request, func(plugin.Event) {
		if !killed {
			killed = true
			if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	})
	var exit *plugin.ExitError
	if !errors.As(err, &exit) || exit.State != "signal: killed" {
		t.Fatalf("%v, expected an exit error", err)
	}
	if want := "execute node 5 (Eigenvalue): plugin exited: signal: killed"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%q, expected %q", err, want)
	}
	select {
	case <-c.Exited():
	default:
		t.Error("Exited is open")
	}
	if !errors.As(c.Err(), &exit) {
		t.Errorf("Err is %v", c.Err())
	}
	if !await.Within(2*time.Second, func() bool { return len(list(dir)) == 0 }) {
		t.Errorf("left on disk before Close: %v", list(dir))
	}
	if _, err := c.Describe(t.Context()); !errors.As(err, &exit) {
		t.Errorf("a later call: %v", err)
	}
}

func TestCrashExplainsItself(t *testing.T) {
	torchtest.Require(t)
	c := start(t, nil)
	_, err := c.Execute(t.Context(), plugin.Request{NodeID: "6", Class: "Faulty", Inputs: map[string]plugin.Value{"how": number(`"goroutine"`)}}, nil)
	if err == nil || !strings.Contains(err.Error(), "plugin exited: exit status 2; it last wrote:\npanic: lost in a goroutine") {
		t.Errorf("%v", err)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	torchtest.Require(t)
	c := start(t, nil)
	m := run(t, c.Nodes, "Diagonal", ones()).Outputs[0]
	closed := make(chan error, 1)
	began := false
	_, err := c.Execute(t.Context(), plugin.Request{Class: "Eigenvalue", Inputs: map[string]plugin.Value{"matrix": m, "steps": number("1000000000")}}, func(plugin.Event) {
		if !began {
			began = true
			go func() { closed <- c.Close() }()
		}
	})
	if !errors.Is(err, plugin.ErrClosed) {
		t.Errorf("%v, expected ErrClosed", err)
	}
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Close does not return")
	}
	if err := c.Err(); err != nil {
		t.Errorf("Err after Close: %v", err)
	}
}

// A process that neither works nor ends is killed after the grace time.
func TestCloseKillsAHungProcess(t *testing.T) {
	c := start(t, func(config *plugin.Config) { config.GraceTime = 500 * time.Millisecond })
	if err := syscall.Kill(c.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 400*time.Millisecond || took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestSignalsLeaveNothing(t *testing.T) {
	hangupIgnored := signal.Ignored(syscall.SIGHUP)
	for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sent.String(), func(t *testing.T) {
			dir := tempDir(t)
			c := start(t, func(config *plugin.Config) { config.TempDir = dir })
			if err := syscall.Kill(c.PID(), sent); err != nil {
				t.Fatal(err)
			}
			// Ctrl-C reaches host and plugin alike, and the host decides; nohup asks to live on, of this test's process too.
			if sent == syscall.SIGINT || sent == syscall.SIGHUP && hangupIgnored {
				select {
				case <-c.Exited():
					t.Fatalf("it ended: %v", c.Err())
				case <-time.After(200 * time.Millisecond):
				}
				if err := c.Ping(t.Context()); err != nil {
					t.Errorf("after %v: %v", sent, err)
				}
				return
			}
			select {
			case <-c.Exited():
			case <-time.After(5 * time.Second):
				t.Fatal("lives")
			}
			var exit *plugin.ExitError
			if !errors.As(c.Err(), &exit) || exit.State != "signal: "+sent.String() {
				t.Errorf("%v, expected signal: %v", c.Err(), sent)
			}
			if !await.Within(2*time.Second, func() bool { return len(list(dir)) == 0 }) {
				t.Errorf("left on disk: %v", list(dir))
			}
		})
	}
}
