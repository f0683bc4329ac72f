package main

import (
	"io"
	"sync"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// labelWidth is what a bar's label has of the terminal.
const labelWidth = 40

// bars shows a run on a terminal: a bar for each node, with its losses beside it.
type bars struct {
	progress *mpb.Progress
	bar      *mpb.Bar
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
	// Bars that are done scroll away as other lines do: a workflow may have more nodes than the terminal has lines.
	return &bars{progress: mpb.New(append(options, mpb.WithOutput(to), mpb.PopCompletedMode())...)}
}

func (b *bars) event(e graph.Event) {
	switch e := e.(type) {
	case graph.NodeStarted:
		b.losses, b.state = &losses{}, &barState{}
		name := runewidth.FillRight(runewidth.Truncate(label(e), labelWidth, "…"), labelWidth)
		// A total of 0 is one that is not known yet.
		b.bar = b.progress.New(0, mpb.BarStyle().Rbound("|").Lbound("|"),
			mpb.PrependDecorators(decor.Name(name, decor.WC{})),
			mpb.AppendDecorators(
				decor.Elapsed(decor.ET_STYLE_MMSS, decor.WC{W: 6}),
				decor.Any(b.state.get, decor.WC{W: 2}),
			), mpb.BarWidth(24))
	case graph.NodeStep:
		b.losses.add(e.Report)
	case graph.NodeProgress:
		b.bar.SetTotal(int64(e.Max), false)
		b.bar.SetCurrent(int64(e.Value))
		b.say(b.losses.now())
	case graph.NodeFinished:
		said := notes(e.Result, b.losses)
		if len(said) > 0 {
			b.say(said[len(said)-1])
		}
		if b.bar.Current() == 0 {
			b.bar.SetTotal(1, false)
			b.bar.SetCurrent(1)
		}
		b.bar.SetTotal(-1, true)
	case graph.NodeFailed:
		b.say("stopped")
		b.bar.Abort(false)
	}
}

func (b *bars) say(text string) {
	if text != "" {
		text = " " + text
	}
	b.state.set(text)
}

func (b *bars) close() { b.progress.Wait() }
