package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/isac-guidance/isac/isac/bench"
)

// betweenBenchLines is how often a bench is logged.
const betweenBenchLines = 30 * time.Second

// benchDisplay shows how a bench goes: a bar on a terminal, a line now and then elsewhere. Its methods may be called from several
// goroutines.
type benchDisplay struct {
	mu    sync.Mutex
	tally *bench.Tally
	to    io.Writer
	last  time.Time

	progress *mpb.Progress // nil without a terminal
	bar      *mpb.Bar
}

func newBenchDisplay(to *os.File, tally *bench.Tally) *benchDisplay {
	d := &benchDisplay{tally: tally, to: to}
	if !canDraw(to) {
		fmt.Fprintf(to, "%s\n", tally)
		return d
	}
	d.progress = mpb.New(mpb.WithOutput(to))
	d.bar = d.progress.New(int64(tally.Total()), mpb.BarStyle().Lbound("|").Rbound("|"),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + d.state() })),
		mpb.BarWidth(20))
	d.bar.SetCurrent(int64(tally.Done()))
	return d
}

// canDraw says whether a bar can be drawn on a file: a terminal that has a size and moves its cursor.
func canDraw(file *os.File) bool {
	if os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	return err == nil && width >= 80
}

func (d *benchDisplay) state() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tally.State()
}

func (d *benchDisplay) add(p bench.Picture) {
	d.mu.Lock()
	d.tally.Add(p)
	done := d.tally.Done()
	if d.bar == nil && time.Since(d.last) >= betweenBenchLines {
		d.last = time.Now()
		fmt.Fprintf(d.to, "%s\n", d.tally)
	}
	d.mu.Unlock()
	if d.bar != nil { // outside the lock: the bar may be asking for the state
		d.bar.SetCurrent(int64(done))
	}
}

// close ends the display with the state as it is.
func (d *benchDisplay) close() {
	if d.bar == nil {
		fmt.Fprintf(d.to, "%s\n", d.tally)
		return
	}
	d.bar.Abort(false) // no effect on a bar that is complete
	d.progress.Wait()
}
