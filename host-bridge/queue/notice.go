package queue

import (
	"time"

	"github.com/isac-guidance/isac/host-bridge/events"
	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/plugin"
)

// Notice is one thing that happened. Exactly one of the fields after Record is set. All notices of a prompt come in the order in
// which the things happened, its end last.
type Notice struct {
	// Record is the prompt that it is about; nil for a change that is about none.
	Record *Record
	// Message is for the prompt's client; execution_interrupted is for everybody.
	Message *message.Message
	// Preview is for the prompt's client.
	Preview *events.Preview
	// Changed: the queue changed (put, taken, deleted).
	Changed bool
	// Ended: the record has become history.
	Ended bool
}

// WorkerInfo is what a worker says of itself.
type WorkerInfo struct {
	ID      string          `json:"id"`
	Host    string          `json:"host"`
	Version string          `json:"version"`
	Started time.Time       `json:"started"`
	Devices []plugin.Device `json:"devices,omitempty"`
	Torch   plugin.Torch    `json:"torch"`
	// PromptID is what it runs now; empty where it waits.
	PromptID string `json:"prompt_id,omitempty"`
	// PluginRestarts counts the plugins that died and were started again.
	PluginRestarts int `json:"plugin_restarts,omitempty"`
	// PluginBytes is the resident memory of its plugins.
	PluginBytes uint64 `json:"plugin_bytes,omitempty"`
	// Trouble is why it cannot run prompts now, such as a plugin that does not start; empty where all is well.
	Trouble string `json:"trouble,omitempty"`
}
