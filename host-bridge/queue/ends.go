package queue

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// lostWorkers is the result of a prompt over which workers died.
func lostWorkers(r *Record) *Result {
	return failedWith(r, "WorkerLost", fmt.Sprintf("the worker died %d times while it ran this prompt, so it is not run again", r.Deaths))
}

// failedWith is the result of a prompt that failed outside its nodes.
func failedWith(r *Record, kind, why string) *Result {
	return ended(r, message.ExecutionError{
		PromptID: r.ID, Executed: []string{}, ExceptionType: kind, ExceptionMessage: why,
		Traceback: []string{}, CurrentInputs: map[string]any{}, CurrentOutputs: []string{}, Timestamp: message.At(time.Now()),
	})
}

func interruptedWithout(r *Record) *Result {
	return ended(r, message.ExecutionInterrupted{PromptID: r.ID, Executed: []string{}, Timestamp: message.At(time.Now())})
}

// ended is a result of which nothing is known but how it ended.
func ended(r *Record, how message.Event) *Result {
	return &Result{
		Outputs: map[string]json.RawMessage{},
		Messages: []message.Message{
			message.Of(message.ExecutionStart{PromptID: r.ID, Timestamp: message.At(r.Started)}),
			message.Of(message.ExecutionCached{Nodes: []string{}, PromptID: r.ID, Timestamp: message.At(r.Started)}),
			message.Of(how),
		},
	}
}

// messageRoom is what else goes into a message that holds a record or a result.
const messageRoom = 4 << 10

// fits says of a result whether it can be sent.
func (c *Conn) fits(result *Result) error {
	text, err := json.Marshal(endAsk{State: Interrupted, Result: result})
	if err != nil {
		return err
	}
	if limit := int(c.nc.MaxPayload()) - messageRoom; len(text) > limit {
		return fmt.Errorf("what the prompt's nodes gave to show has %d bytes, and %d may be stored; put large text into files", len(text), limit)
	}
	return nil
}

// fit makes an end that can be sent of one that cannot: a worker that tried in vain would never run another prompt.
func (c *Conn) fit(r *Record, state State, result *Result) (State, *Result) {
	err := c.fits(result)
	if err == nil {
		return state, result
	}
	c.log.Error("the end of a prompt cannot be stored as it is", "prompt", r.ID, "state", string(state), "reason", err.Error())
	if state == Interrupted {
		return state, interruptedWithout(r)
	}
	return Failed, failedWith(r, "ResultTooLarge", fmt.Sprintf("it ended with %q, and %v", state, err))
}
