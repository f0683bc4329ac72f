package main

import (
	"fmt"
	"io"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// betweenLines is how often a node that takes long is heard of: a log is no animation.
const betweenLines = 2 * time.Second

// lines shows a run where there is no terminal.
type lines struct {
	to     io.Writer
	now    func() time.Time
	losses *losses
	value  int
	max    int
	last   time.Time
}

func newLines(to io.Writer) *lines { return &lines{to: to, now: time.Now} }

func (l *lines) event(e graph.Event) {
	switch e := e.(type) {
	case graph.NodeStarted:
		l.losses, l.value, l.max, l.last = &losses{}, 0, 0, l.now()
		fmt.Fprintln(l.to, label(e))
	case graph.NodeStep:
		l.losses.add(e.Report)
	case graph.NodeProgress:
		l.value, l.max = e.Value, e.Max
		if l.now().Sub(l.last) >= betweenLines {
			l.last = l.now()
			l.note(l.state())
		}
	case graph.NodeFinished:
		for _, n := range notes(e.Result, l.losses) {
			l.note(n)
		}
		l.note("done in " + seconds(e.Result.Elapsed))
	case graph.NodeFailed:
		l.note("stopped after " + seconds(e.Elapsed))
	}
}

func (l *lines) state() string {
	text := fmt.Sprintf("%d of %d", l.value, l.max)
	if loss := l.losses.now(); loss != "" {
		text += ", " + loss
	}
	return text
}

func (l *lines) note(text string) { fmt.Fprintln(l.to, "        "+text) }

func (l *lines) close() {}
