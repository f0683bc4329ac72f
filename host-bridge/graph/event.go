package graph

import (
	"encoding/json"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// Observer hears what happens while a plan runs, event by event and never two at once. It should return soon: the node
// waits for it.
type Observer func(Event)

// Event is one of RunStarted, NodeCached, NodeStarted, NodeProgress, NodePreview, NodeStep, NodeFinished and NodeFailed.
type Event interface{ event() }

// RunStarted comes first: Tasks are to run, what the Cached ones make is known.
type RunStarted struct{ Cached, Tasks []*Task }

// NodeCached: an output node does not run, as the cache has its result.
type NodeCached struct {
	Task   *Task
	Result *NodeResult
}

// NodeStarted: the node begins to run; it is the Position-th of Count, from 1.
type NodeStarted struct {
	Task            *Task
	Position, Count int
}

// NodeProgress: the node has come to Value of Max.
type NodeProgress struct {
	Task       *Task
	Value, Max int
}

// NodePreview: a picture of the unfinished work.
type NodePreview struct {
	Task   *Task
	Format string
	Data   []byte
}

// NodeStep: the report of one guided step, as JSON.
type NodeStep struct {
	Task   *Task
	Report json.RawMessage
}

// NodeFinished: the node is done and its files are written.
type NodeFinished struct {
	Task   *Task
	Result *NodeResult
}

// NodeFailed: the node failed or was cancelled, and with it the plan.
type NodeFailed struct {
	Task    *Task
	Err     error
	Elapsed time.Duration
}

func (RunStarted) event()   {}
func (NodeCached) event()   {}
func (NodeStarted) event()  {}
func (NodeProgress) event() {}
func (NodePreview) event()  {}
func (NodeStep) event()     {}
func (NodeFinished) event() {}
func (NodeFailed) event()   {}

// heard turns a plugin's event into one of ours; nil for what this host does not know.
func heard(t *Task, e plugin.Event) Event {
	switch {
	case e.Progress != nil:
		return NodeProgress{Task: t, Value: e.Progress.Value, Max: e.Progress.Max}
	case e.Preview != nil:
		return NodePreview{Task: t, Format: e.Preview.Format, Data: e.Preview.Data}
	case e.Step != nil:
		return NodeStep{Task: t, Report: e.Step}
	}
	return nil
}
