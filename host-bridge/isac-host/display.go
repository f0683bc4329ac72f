package main

import (
	"fmt"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// display shows how a run goes.
type display interface {
	// event is a graph.Observer.
	event(graph.Event)
	// close comes after the last event.
	close()
}

// newDisplay gives bars on a terminal, and plain lines elsewhere.
func newDisplay(con *console) display {
	if con.terminal {
		return newBars(con.stderr)
	}
	return newLines(con.stderr)
}

// label names a node: its place in the run, id, class and title.
func label(e graph.NodeStarted) string {
	n := e.Task.Node
	text := fmt.Sprintf("[%*d/%d] %s %s", len(fmt.Sprint(e.Count)), e.Position, e.Count, n.ID, n.Class)
	if n.Title != "" && n.Title != n.Class {
		text += fmt.Sprintf(" %q", n.Title)
	}
	return text
}

// notes are what is to be said of a node that is done: its own text, losses, names of files. Where the files are is said at
// the end of the run.
func notes(r *graph.NodeResult, l *losses) []string {
	var found []string
	if r.SameAs != "" {
		found = append(found, "same as node "+r.SameAs)
	}
	switch count := len(r.Files); count {
	case 0:
		found = append(found, textOf(r.UI)...)
	case 1:
		found = append(found, r.Files[0].Name)
	default:
		found = append(found, fmt.Sprintf("%s to %s", r.Files[0].Name, r.Files[count-1].Name))
	}
	if s := l.summary(); s != "" {
		found = append(found, s)
	}
	return found
}
