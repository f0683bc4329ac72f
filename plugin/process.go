package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"
)

// ExitError says that the process is gone, and what it said last.
type ExitError struct {
	// State is how it ended: "exit status 1", "signal: killed".
	State string
	// Stderr is the end of what it wrote to standard error.
	Stderr string
}

// Error is "plugin exited: signal: killed", with the last lines of the process's log.
func (e *ExitError) Error() string {
	text := "plugin exited: " + e.State
	if e.Stderr != "" {
		text += "; it last wrote:\n" + e.Stderr
	}
	return text
}

// process runs the executable for go-plugin, as its runner.Runner. Unlike go-plugin's own it knows at once when the process
// is gone and how it went, and it holds the lifeline: a pipe to the process's standard input that the kernel closes when
// the host dies, in whichever way.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *os.File
	lifeline       *os.File
	tail           *tail
	// exited is closed when the process is gone; state is set before.
	exited chan struct{}
	state  string
	// drained is closed when standard error has been read to its end.
	drained chan struct{}
	// kill ends the process, or keeps it from starting.
	kill   context.Context
	killed atomic.Bool
}

func newProcess(cmd *exec.Cmd, kill context.Context, last *tail) *process {
	return &process{cmd: cmd, tail: last, kill: kill, exited: make(chan struct{}), drained: make(chan struct{})}
}

// Start starts the process.
func (p *process) Start(context.Context) error {
	if err := p.kill.Err(); err != nil {
		return err
	}
	var theirs []*os.File
	closeAll := func(files ...*os.File) {
		for _, f := range files {
			f.Close()
		}
	}
	// exec.Cmd's own pipes would be closed by Wait; these stay readable until the last line has been read.
	for _, pipe := range []struct {
		ours  **os.File
		write bool
	}{{&p.lifeline, false}, {&p.stdout, true}, {&p.stderr, true}} {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(theirs...)
			return fmt.Errorf("a pipe to the plugin: %w", err)
		}
		if pipe.write {
			*pipe.ours, theirs = r, append(theirs, w)
		} else {
			*pipe.ours, theirs = w, append(theirs, r)
		}
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = theirs[0], theirs[1], theirs[2]
	err := p.cmd.Start()
	closeAll(theirs...)
	if err != nil {
		closeAll(p.lifeline, p.stdout, p.stderr)
		return fmt.Errorf("start the plugin: %w", err)
	}
	go p.watch()
	go func() {
		select {
		case <-p.kill.Done():
			_ = p.Kill(p.kill)
		case <-p.exited:
		}
	}()
	return nil
}

func (p *process) watch() {
	// The error only repeats the state, for none of the three files is copied by exec.
	_ = p.cmd.Wait()
	p.state = p.cmd.ProcessState.String()
	close(p.exited)
	p.lifeline.Close()
	// A child of the process may hold its standard error open for ever: go-plugin's readers must not wait for it.
	select {
	case <-p.drained:
	case <-time.After(time.Second):
	}
	p.stdout.Close()
	p.stderr.Close()
}

// exitError describes the end of the process, once exited is closed.
func (p *process) exitError() *ExitError {
	// The last words may still be in the pipe.
	select {
	case <-p.drained:
	case <-time.After(time.Second):
	}
	return &ExitError{State: p.state, Stderr: p.tail.String()}
}

// killedByUs tells whether Kill ended the process, and not something else before.
func (p *process) killedByUs() bool {
	return p.killed.Load() && p.state == "signal: killed"
}

// Wait waits for the end of the process.
func (p *process) Wait(context.Context) error {
	<-p.exited
	if !p.cmd.ProcessState.Success() {
		return errors.New(p.state)
	}
	return nil
}

// Kill ends the process at once; it is no error that it has ended.
func (p *process) Kill(context.Context) error {
	if p.cmd.Process == nil {
		return nil
	}
	// A process that just ended by itself is noticed in a moment, and its own end tells more than this signal.
	select {
	case <-p.exited:
		return nil
	case <-time.After(50 * time.Millisecond):
	}
	p.killed.Store(true)
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Stdout is where go-plugin reads the handshake.
func (p *process) Stdout() io.ReadCloser { return p.stdout }

// Stderr is where go-plugin reads the log.
func (p *process) Stderr() io.ReadCloser { return &drain{File: p.stderr, done: p.drained} }

// Name is the executable's path.
func (p *process) Name() string { return p.cmd.Path }

// ID is the process's number; empty before it started, which go-plugin takes for "nothing to kill".
func (p *process) ID() string {
	if p.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// Diagnose adds nothing: Start explains failures itself.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost and HostToPlugin change nothing: both share one file system and network.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin is the inverse of PluginToHost.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// drain closes done when its file has been read to the end. It has one reader.
type drain struct {
	*os.File
	done chan struct{}
	once bool
}

// Read reads and watches for the end.
func (d *drain) Read(b []byte) (int, error) {
	n, err := d.File.Read(b)
	if err != nil && !d.once {
		d.once = true
		close(d.done)
	}
	return n, err
}
