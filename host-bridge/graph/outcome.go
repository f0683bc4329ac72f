package graph

import (
	"encoding/json"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// Outcome is what a plan has brought: all of it after success, what was done so far after a failure.
type Outcome struct {
	// Nodes in the order in which they ran, the cached output nodes first.
	Nodes []*NodeResult
}

// Files are all files that were written, in the order of writing.
func (o *Outcome) Files() []SavedFile {
	var files []SavedFile
	for _, n := range o.Nodes {
		files = append(files, n.Files...)
	}
	return files
}

// NodeResult is what one node has brought.
type NodeResult struct {
	Task *Task
	// SameAs is the id of a node of equal class and inputs that ran before and whose outputs this one shares; empty where
	// the node itself ran.
	SameAs string
	// Cached: an earlier run made it; its files are from then.
	Cached  bool
	Elapsed time.Duration
	// UI is the object of ComfyUI's "executed" event, with the files that were written; nil where the node has none.
	UI json.RawMessage
	// Steps are the reports of guided steps.
	Steps []json.RawMessage
	Files []SavedFile
}

// NodeError says which node failed.
type NodeError struct {
	Task *Task
	Err  error
}

func (e *NodeError) Error() string {
	text := e.Err.Error()
	// The plugin's own error names id and class again, but cannot know the title.
	if own, ok := e.Err.(*plugin.Error); ok {
		text = own.Message
	}
	return e.Task.Node.describe() + " failed: " + text
}

// Unwrap gives the cause: context.Canceled, a *plugin.Error, a *plugin.ExitError.
func (e *NodeError) Unwrap() error { return e.Err }
