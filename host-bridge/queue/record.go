// Package queue carries prompts from the API server to workers and what they make back, over NATS JetStream: embedded in the
// process, or a cluster that exists.
//
//	API server ─Put→ prompts ─→ worker ─events→ API server
//	                    ↑___________result_________|
//
// A prompt is one record under one key, from pending over running to its end: what a client calls queue and history are two views
// of the same records, so that no prompt is ever in both or in neither.
package queue

import (
	"encoding/json"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// State of a prompt.
type State string

// The states; the last four are ends.
const (
	Pending     State = "pending"
	Running     State = "running"
	Success     State = "success"
	Failed      State = "error"
	Interrupted State = "interrupted"
)

// Ended says that nothing more happens to the prompt.
func (s State) Ended() bool { return s != Pending && s != Running }

// Prompt is what a client has asked to run.
type Prompt struct {
	// ID is a lower-case UUID.
	ID string `json:"id"`
	// Number is the priority, the lowest first; equal numbers run in the order of Created.
	Number float64 `json:"number"`
	// ClientID names the socket that gets the events of the run; may be empty.
	ClientID string `json:"client_id,omitempty"`
	// Workflow in ComfyUI's API format, as the client gave it.
	Workflow json.RawMessage `json:"workflow"`
	// Extra is the client's extra_data, an object.
	Extra json.RawMessage `json:"extra"`
	// Outputs are the output nodes to run: those that are valid, or those of them that the client wants.
	Outputs []string  `json:"outputs"`
	Created time.Time `json:"created"`
	// Previews: the client wants pictures of work in progress.
	Previews bool `json:"previews,omitempty"`
}

// Record is a prompt and what has become of it.
type Record struct {
	Prompt
	State   State     `json:"state"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Worker is the id of the worker that runs it or ran it last.
	Worker string `json:"worker,omitempty"`
	// Attempt counts the workers that began it, from 1.
	Attempt int `json:"attempt,omitempty"`
	// Deaths counts those of them that died on the way: another one follows, up to a limit.
	Deaths int `json:"deaths,omitempty"`
	// Ticket is the sequence number of the work queue's message under which it runs.
	Ticket uint64 `json:"ticket,omitempty"`
	// Interrupting: somebody wants the running prompt to stop. It outlives a worker that dies meanwhile.
	Interrupting bool `json:"interrupting,omitempty"`
	// Events counts what the run published, for the API server to relay all of it before the end.
	Events int `json:"events,omitempty"`
	// Result of an ended run.
	Result *Result `json:"result,omitempty"`
}

// Result is the part of a history entry that the run makes.
type Result struct {
	// Outputs are the ui objects by node.
	Outputs map[string]json.RawMessage `json:"outputs"`
	// Messages are execution_start, execution_cached and the terminal one.
	Messages []message.Message `json:"messages"`
}

// Preview is a picture of unfinished work.
type Preview struct {
	PromptID string
	NodeID   string
	// Format is "jpeg" or "png".
	Format string
	Data   []byte
}
