package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// labelWidth is what a bar's label has of the terminal, barWidth what the bar has.
const (
	labelWidth = 40
	barWidth   = 24
)

// bars shows a run on a terminal: the running node has a bar with its losses beside it, and becomes lines when it is done.
type bars struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	label    string
	state    *barState
	losses   *losses
}

// barState is what a bar writes at its end; mpb reads it from a goroutine of its own.
type barState struct {
	mu   sync.Mutex
	text string
}

func (s *barState) set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (s *barState) get(decor.Statistics) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

func newBars(to io.Writer, options ...mpb.ContainerOption) *bars {
	return &bars{progress: mpb.New(append(options, mpb.WithOutput(to))...)}
}

func (b *bars) event(e graph.Event) {
	switch e := e.(type) {
	case graph.NodeStarted:
		b.losses, b.state, b.label = &losses{}, &barState{}, label(e)
		name := runewidth.FillRight(runewidth.Truncate(b.label, labelWidth, "…"), labelWidth)
		// A total of 0 is one that is not known yet.
		b.bar = b.progress.New(0, mpb.BarStyle().Lbound("|").Rbound("|"),
			mpb.PrependDecorators(decor.Name(name)),
			mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_MMSS, decor.WC{W: 6}), decor.Any(b.state.get)),
			mpb.BarWidth(barWidth))
	case graph.NodeStep:
		b.losses.add(e.Report)
	case graph.NodeProgress:
		b.bar.SetTotal(int64(e.Max), false)
		b.bar.SetCurrent(int64(e.Value))
		text := fmt.Sprintf(" %d/%d", e.Value, e.Max)
		if loss := b.losses.now(); loss != "" {
			text += " " + loss
		}
		b.state.set(text)
	case graph.NodeFinished:
		b.end(fmt.Sprintf("%s: %s", b.label, seconds(e.Result.Elapsed)), notes(e.Result, b.losses))
	case graph.NodeFailed:
		b.end(fmt.Sprintf("%s: stopped after %s", b.label, seconds(e.Elapsed)), nil)
	}
}

// end puts lines in the place of the bar.
func (b *bars) end(line string, notes []string) {
	for _, n := range notes {
		line += "\n        " + n
	}
	// It fails only after Wait.
	_, _ = fmt.Fprintln(b.progress, line)
	b.bar.Abort(true)
}

func (b *bars) close() { b.progress.Wait() }
