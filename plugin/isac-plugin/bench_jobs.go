package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/isac-guidance/isac/isac/bench"
)

// A bench of several jobs starts itself once for each, with --shard. A child tells its parent of every picture, a line of JSON on
// its standard output, and ends when its standard input does: the parent is gone then.

// childPatience is how long a child has to end when it is told to: one evaluation of a large model on a CPU.
const childPatience = time.Minute

// shard is the index-th of a number of parts, as "0/2" writes it.
type shard struct{ index, of int }

// UnmarshalText reads "0/2".
func (s *shard) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%d/%d", &s.index, &s.of); err != nil || s.index < 0 || s.index >= s.of {
		return fmt.Errorf("%q is no shard, expected one such as 0/2", text)
	}
	return nil
}

// child does one part. The parent has opened the folder, and mends and locks it.
func (b *benchRun) child(ctx context.Context, plan *bench.Plan, to io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	folder, err := bench.ReadFolder(b.Out)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(to)
	err = bench.Run(ctx, plan, folder, bench.RunOptions{
		Shard: b.Shard.index, Shards: b.Shard.of, KeepImages: b.KeepImages,
		Made: func(p bench.Picture) error { return lines.Encode(p) },
	})
	if errors.Is(err, context.Canceled) {
		return stopped{}
	}
	return err
}

// parent starts the children and shows what they do. The first that fails ends the others.
func (b *benchRun) parent(ctx context.Context, c *commands, lock *os.File, display *benchDisplay) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := b.jobs()
	var group sync.WaitGroup
	for i := range jobs {
		args := append(os.Args[1:len(os.Args):len(os.Args)], fmt.Sprintf("--shard=%d/%d", i, jobs))
		group.Go(func() {
			if err := follow(ctx, exe, args, lock, display.add); err != nil {
				cancel(fmt.Errorf("job %d of %d: %w", i+1, jobs, err))
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// follow runs a child to its end.
func follow(ctx context.Context, exe string, args []string, lock *os.File, add func(bench.Picture)) error {
	// On Linux a child dies with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = childPatience
	cmd.ExtraFiles = []*os.File{lock} // the folder stays locked until the last child is gone
	cmd.SysProcAttr = childAttributes()
	var errs tail
	cmd.Stderr = &errs
	alive, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer alive.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var p bench.Picture
		if json.Unmarshal(lines.Bytes(), &p) == nil {
			add(p)
		}
	}
	err = cmd.Wait()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %s", err, errs.String())
}

// tail keeps the end of what a child says.
type tail struct{ b bytes.Buffer }

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if over := t.b.Len() - tailBytes; over > 0 {
		t.b.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.b.String()) }
