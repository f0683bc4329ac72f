package plugin

import (
	"encoding/json"
	"time"
)

// Value is a node's input or output: plain JSON, a handle, or a list of these.
type Value struct {
	// JSON is one JSON document; numbers keep their literal.
	JSON json.RawMessage
	// Handle, where not nil, names an object in the process; JSON is then ignored.
	Handle *Handle
	// List, where not nil, holds several values, which are no lists themselves; all else is then ignored. It is what an output
	// gives that the node's entry marks in output_is_list, and what each input of a node gets whose entry says is_input_list.
	List []Value
}

// Handle names an object that lives in the process until it is released or the process ends.
type Handle struct {
	// ID is opaque and never used twice, not even by another process.
	ID string
	// Type is ComfyUI's type name: MODEL, CLIP, VAE, CONDITIONING, LATENT, IMAGE.
	Type string
}

// Request asks for one node to be run.
type Request struct {
	// PromptID and NodeID are the host's names; they come back in errors and in the process's log.
	PromptID, NodeID string
	// Class is the node's class, a key of Description.Nodes.
	Class string
	// Inputs by name.
	Inputs map[string]Value
	// Workflow is the JSON object that saved images carry: {"prompt": …, "workflow": …}. May be nil.
	Workflow json.RawMessage
	// Previews asks for pictures of work in progress; none are made otherwise.
	Previews bool
	// Files are the contents of files that inputs name, by the names of the inputs: of those whose options have "input_files".
	Files map[string][]byte
}

// Event is what a running node says; exactly one field is set.
type Event struct {
	Progress *Progress
	Preview  *Preview
	// Step is the report of one guided step.
	Step json.RawMessage
}

// Progress is how far a node has come: Value of Max.
type Progress struct{ Value, Max int }

// Preview is an image of the unfinished work.
type Preview struct {
	// Format is "jpeg" or "png".
	Format string
	Data   []byte
}

// Result is what a node made.
type Result struct {
	// Outputs in the order of the node's outputs.
	Outputs []Value
	// UI is the object of ComfyUI's "executed" event; nil where the node has none.
	UI json.RawMessage
	// Files are for the host to write.
	Files []File
}

// File is a file for the host to write. A host must check name and subfolder before it joins them to a path.
type File struct {
	Name, Subfolder string
	// Type is "output" or "temp".
	Type string
	Data []byte
}

// Description says what a process can do. Its JSON is what `isac-plugin describe` prints.
type Description struct {
	// Version of the plugin, as its build stamped it.
	Version string `json:"version"`
	// Protocols are the protocol versions that it speaks, rising.
	Protocols []int `json:"protocol_versions"`
	// Nodes are the entries of ComfyUI's /object_info by class.
	Nodes map[string]json.RawMessage `json:"nodes"`
	// Families are the model families that it can load.
	Families []string `json:"model_families"`
	// Devices are what models can run on; empty while libtorch is missing.
	Devices []Device `json:"devices,omitempty"`
	Torch   Torch    `json:"torch"`
}

// Device is one device and its memory in bytes; 0 where not known.
type Device struct {
	// Name as nodes and ISAC_DEVICE take it: "cpu", "cuda:0".
	Name string `json:"name"`
	// Description is the maker's name of it.
	Description string `json:"description,omitempty"`
	TotalBytes  uint64 `json:"total_bytes,omitempty"`
	FreeBytes   uint64 `json:"free_bytes,omitempty"`
	// AllocatedBytes and ReservedBytes are what the process holds, as libtorch's allocator counts.
	AllocatedBytes uint64 `json:"allocated_bytes,omitempty"`
	ReservedBytes  uint64 `json:"reserved_bytes,omitempty"`
	// TextBytes is how much of that the weights of text encoders take; TextAwayBytes are those that belong there and are in the machine's
	// memory, until a text is encoded.
	TextBytes     uint64 `json:"text_bytes,omitempty"`
	TextAwayBytes uint64 `json:"text_away_bytes,omitempty"`
}

// Torch is the libtorch that a process found.
type Torch struct {
	// Loaded is false where libtorch could not be loaded; Error then says why and what to do.
	Loaded bool   `json:"loaded"`
	Error  string `json:"error,omitempty"`
	// Library is the path of the shim that was loaded.
	Library string `json:"library,omitempty"`
	// Version is libtorch's.
	Version string `json:"version,omitempty"`
	Threads int    `json:"threads,omitempty"`
}

// Stats says what is alive in a process and what it costs.
type Stats struct {
	// Handles counts live handles by type.
	Handles map[string]int
	// Tensors counts libtorch tensors that are alive.
	Tensors int
	// ResidentBytes is the process's resident memory; 0 where not known.
	ResidentBytes uint64
	Devices       []Device
	// Running are the calls at work; all but one wait for the executor.
	Running []Running
	Uptime  time.Duration
	PID     int
	// GuidanceSessions are open; each holds its model.
	GuidanceSessions int
}

// Running is a call of Execute that has not ended.
type Running struct {
	PromptID, NodeID, Class string
	// Waiting: queued behind another node.
	Waiting bool
	For     time.Duration
}
