package queue

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
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
	// Interrupting: somebody wants the running prompt to stop. It outlives a worker that dies meanwhile.
	Interrupting bool `json:"interrupting,omitempty"`
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

// encode writes a record.
func encode(r *Record) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// run is the attempt that a running record shows.
func (r *Record) run() events.Run {
	return events.Run{Prompt: r.ID, Worker: r.Worker, Attempt: r.Attempt}
}

// isRun tells whether a record shows this run under way.
func (r *Record) isRun(run events.Run) bool { return r.State == Running && r.run() == run }
