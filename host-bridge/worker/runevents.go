package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/plugin"
)

// runEvents publishes the events of a run as ComfyUI's server would send them, in its order.
type runEvents struct {
	record *queue.Record
	events *queue.Publisher
	result *queue.Result
	states map[string]message.NodeState
	// executed are the nodes that are done, running the one that is not; failed says of it why.
	executed []string
	running  *graph.Task
}

func newRunEvents(r *queue.Record, events *queue.Publisher) *runEvents {
	return &runEvents{
		record: r, events: events, states: map[string]message.NodeState{}, executed: []string{},
		result: &queue.Result{Outputs: map[string]json.RawMessage{}},
	}
}

func now() message.Milliseconds { return message.At(time.Now()) }

// keep says something that the history keeps.
func (n *runEvents) keep(e message.Event) {
	n.result.Messages = append(n.result.Messages, n.events.Message(e))
}

func (n *runEvents) start() {
	n.keep(message.ExecutionStart{PromptID: n.record.ID, Timestamp: now()})
}

// event is the graph's observer.
func (n *runEvents) event(e graph.Event) {
	id := n.record.ID
	switch e := e.(type) {
	case graph.RunStarted:
		cached := make([]string, len(e.Cached))
		for i, t := range e.Cached {
			cached[i] = t.Node.ID
		}
		n.keep(message.ExecutionCached{Nodes: cached, PromptID: id, Timestamp: now()})
	case graph.NodeCached:
		n.say(e.Task, e.Result, true)
	case graph.NodeStarted:
		n.running = e.Task
		node := e.Task.Node.ID
		n.state(node, 0, 1, "running")
		n.events.Message(message.Executing{Node: &node, DisplayNode: &node, PromptID: id})
	case graph.NodeProgress:
		n.state(e.Task.Node.ID, e.Value, e.Max, "running")
		n.events.Message(message.Progress{Value: e.Value, Max: e.Max, PromptID: id, Node: e.Task.Node.ID})
	case graph.NodePreview:
		n.events.Preview(e.Task.Node.ID, e.Format, e.Data)
	case graph.NodeStep:
		n.events.Message(message.GuidedStep{PromptID: id, Node: e.Task.Node.ID, Report: e.Report})
	case graph.NodeFinished:
		n.running = nil
		n.executed = append(n.executed, e.Task.Node.ID)
		n.say(e.Task, e.Result, false)
		max := n.states[e.Task.Node.ID].Max
		n.state(e.Task.Node.ID, int(max), int(max), "finished")
	case graph.NodeFailed:
		n.state(e.Task.Node.ID, 0, 1, "error")
	}
}

// say gives a node's ui, and null for an output node whose ui is not known any more.
func (n *runEvents) say(t *graph.Task, result *graph.NodeResult, cached bool) {
	ui := result.UI
	switch {
	case len(ui) > 0:
		n.result.Outputs[t.Node.ID] = ui
	case cached:
		ui = json.RawMessage("null")
	default:
		return
	}
	n.events.Message(message.Executed{Node: t.Node.ID, DisplayNode: t.Node.ID, Output: ui, PromptID: n.record.ID})
}

// state sends a snapshot in which one node has changed.
func (n *runEvents) state(node string, value, max int, state string) {
	n.states[node] = message.NodeState{
		Value: float64(value), Max: float64(max), State: state, NodeID: node, PromptID: n.record.ID, DisplayNodeID: node, RealNodeID: node,
	}
	n.events.Message(message.ProgressState{PromptID: n.record.ID, Nodes: n.states})
}

// collect takes what is known of the nodes that ran, however the run ended.
func (n *runEvents) collect(o *graph.Outcome) {
	for _, done := range o.Nodes {
		if len(done.UI) > 0 {
			n.result.Outputs[done.Task.Node.ID] = done.UI
		}
	}
}

func (n *runEvents) success() (queue.State, *queue.Result) {
	if err := n.events.Fits(n.result); err != nil {
		n.result.Outputs = map[string]json.RawMessage{}
		return n.failed(err)
	}
	n.keep(message.ExecutionSuccess{PromptID: n.record.ID, Timestamp: now()})
	return queue.Success, n.result
}

// cachedFirst: clients expect execution_cached in every run, also in one that failed before there was a plan.
func (n *runEvents) cachedFirst() {
	if len(n.result.Messages) < 2 {
		n.keep(message.ExecutionCached{Nodes: []string{}, PromptID: n.record.ID, Timestamp: now()})
	}
}

func (n *runEvents) interrupted(error) (queue.State, *queue.Result) {
	n.cachedFirst()
	m := message.ExecutionInterrupted{PromptID: n.record.ID, Executed: n.executed, Timestamp: now()}
	if n.running != nil {
		m.NodeID, m.NodeType = n.running.Node.ID, n.running.Node.Class
	}
	n.keep(m)
	return queue.Interrupted, n.result
}

func (n *runEvents) failed(err error) (queue.State, *queue.Result) {
	n.cachedFirst()
	m := message.ExecutionError{
		PromptID: n.record.ID, Executed: n.executed, ExceptionMessage: err.Error(), ExceptionType: kindOf(err),
		Traceback: strings.SplitAfter(err.Error(), "\n"), CurrentInputs: map[string]any{}, CurrentOutputs: n.executed, Timestamp: now(),
	}
	if failure := (*graph.NodeError)(nil); errors.As(err, &failure) {
		t := failure.Task
		m.NodeID, m.NodeType, m.ExceptionMessage = t.Node.ID, t.Node.Class, sentence(failure.Err)
		for _, name := range slices.Sorted(maps.Keys(t.Values)) {
			m.CurrentInputs[name] = []any{shown(t.Values[name])}
		}
	}
	n.keep(m)
	return queue.Failed, n.result
}

// sentence is the message of a node's error without the node's name, which stands beside it.
func sentence(err error) string {
	if own, ok := err.(*plugin.Error); ok {
		return own.Message
	}
	return err.Error()
}

// shown is an input as an error shows it.
func shown(v any) any {
	if link, ok := v.(graph.Link); ok {
		return fmt.Sprintf("output %d of node %s", link.Slot, link.Node)
	}
	return v
}

// kindOf names an error where ComfyUI names a Python exception.
func kindOf(err error) string {
	var own *plugin.Error
	var exit *plugin.ExitError
	switch {
	case errors.As(err, &exit):
		return "PluginExited"
	case errors.As(err, &own):
		words := strings.Fields(own.Kind.String())
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		return "Plugin" + strings.Join(words, "")
	case errors.Is(err, context.Canceled):
		return "Cancelled"
	}
	return "Error"
}
