//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is an isac-host in a process group of its own.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// readiness is how long a process may take until it says that it is ready: the machine is busy.
const readiness = 2 * time.Minute

// launch starts isac-host and waits for its line.
func (c *command) launch(ctx context.Context, name string, log io.Writer, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(filepath.Join(c.Bin, "isac-host"), args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "ISAC_MODELS="+c.Models, "OMP_NUM_THREADS=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "\n--- %s: isac-host %s\n", name, strings.Join(args, " "))
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan bool, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		ready <- line != ""
		_, _ = io.Copy(io.Discard, r)
		_ = p.cmd.Wait()
		close(p.done)
	}()
	select {
	case ok := <-ready:
		if ok {
			return p, nil
		}
		<-p.done
		return nil, fmt.Errorf("%s ended while it started: %v", name, p.cmd.ProcessState)
	case <-time.After(readiness):
	case <-ctx.Done():
	}
	p.kill()
	return nil, fmt.Errorf("%s was not ready after %v", name, readiness)
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// end stops it in order, and tells with which status, or that it took too long.
func (p *process) end(within time.Duration) error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if status := p.cmd.ProcessState.ExitCode(); status != 0 {
			return fmt.Errorf("%s ended with status %d after SIGTERM", p.name, status)
		}
		return nil
	case <-time.After(within):
		p.kill()
		return fmt.Errorf("%s was still there %v after SIGTERM", p.name, within)
	}
}

// plugins are the processes that it started.
func (p *process) plugins() []int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.cmd.Process.Pid, p.cmd.Process.Pid))
	if err != nil {
		return nil
	}
	// The kernel lists what the first thread started; Go starts processes from any.
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	for _, t := range threads {
		more, _ := os.ReadFile(t)
		b = append(append(b, ' '), more...)
	}
	seen := map[int]bool{}
	var pids []int
	for _, text := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(text); err == nil && !seen[pid] {
			seen[pid] = true
			pids = append(pids, pid)
		}
	}
	return pids
}

// peak is the largest resident memory that a process has had, in bytes; 0 where it is gone.
func peak(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// alive tells whether a process runs and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	after := string(b[strings.LastIndexByte(string(b), ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(after), "Z")
}
