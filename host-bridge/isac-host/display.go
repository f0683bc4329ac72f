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

// notes are what is to be said of a node that is done: the node's own text, losses, files.
func notes(r *graph.NodeResult, l *losses) []string {
	var found []string
	if r.SameAs != "" {
		found = append(found, "same as node "+r.SameAs)
	}
	if r.Task.Schema.Output && len(r.Files) > 0 {
		for _, f := range r.Files {
			found = append(found, f.Path)
		}
		return found
	}
	found = append(found, textOf(r.UI)...)
	if s := l.summary(); s != "" {
		found = append(found, s)
	}
	return found
}
