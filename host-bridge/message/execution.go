package message

import "encoding/json"

// ExecutionStart: the prompt begins to run.
type ExecutionStart struct {
	PromptID  string       `json:"prompt_id"`
	Timestamp Milliseconds `json:"timestamp"`
}

// ExecutionCached names the nodes whose results are taken from the cache. It is sent for every prompt, also with no nodes.
type ExecutionCached struct {
	// Nodes is never nil.
	Nodes     []string     `json:"nodes"`
	PromptID  string       `json:"prompt_id"`
	Timestamp Milliseconds `json:"timestamp"`
}

// Executing names the node that begins; a nil Node says that the prompt has ended.
type Executing struct {
	Node        *string `json:"node"`
	DisplayNode *string `json:"display_node,omitempty"`
	PromptID    string  `json:"prompt_id"`
}

// Progress is how far one node has come: Value of Max.
type Progress struct {
	Value    int    `json:"value"`
	Max      int    `json:"max"`
	PromptID string `json:"prompt_id"`
	Node     string `json:"node"`
}

// ProgressState is a snapshot of every node that has begun.
type ProgressState struct {
	PromptID string               `json:"prompt_id"`
	Nodes    map[string]NodeState `json:"nodes"`
}

// NodeState is one node of a ProgressState. State is "running", "finished" or "error".
type NodeState struct {
	Value         float64 `json:"value"`
	Max           float64 `json:"max"`
	State         string  `json:"state"`
	NodeID        string  `json:"node_id"`
	PromptID      string  `json:"prompt_id"`
	DisplayNodeID string  `json:"display_node_id"`
	ParentNodeID  *string `json:"parent_node_id"`
	RealNodeID    string  `json:"real_node_id"`
}

// Executed gives the ui object of a node that has one, or null for a cached output node without.
type Executed struct {
	Node        string          `json:"node"`
	DisplayNode string          `json:"display_node"`
	Output      json.RawMessage `json:"output"`
	PromptID    string          `json:"prompt_id"`
}

// ExecutionSuccess: every node of the prompt is done.
type ExecutionSuccess struct {
	PromptID  string       `json:"prompt_id"`
	Timestamp Milliseconds `json:"timestamp"`
}

// ExecutionError: a node failed, and with it the prompt. Lists and maps are never nil.
type ExecutionError struct {
	PromptID         string         `json:"prompt_id"`
	NodeID           string         `json:"node_id"`
	NodeType         string         `json:"node_type"`
	Executed         []string       `json:"executed"`
	ExceptionMessage string         `json:"exception_message"`
	ExceptionType    string         `json:"exception_type"`
	Traceback        []string       `json:"traceback"`
	CurrentInputs    map[string]any `json:"current_inputs"`
	CurrentOutputs   []string       `json:"current_outputs"`
	Timestamp        Milliseconds   `json:"timestamp"`
}

// ExecutionInterrupted: the prompt was interrupted at this node.
type ExecutionInterrupted struct {
	PromptID  string       `json:"prompt_id"`
	NodeID    string       `json:"node_id"`
	NodeType  string       `json:"node_type"`
	Executed  []string     `json:"executed"`
	Timestamp Milliseconds `json:"timestamp"`
}

// GuidedStep is ours, not ComfyUI's: the report of one guided step of a node, for the editor's plot of losses and its mask
// overlay. Other clients ignore types that they do not know.
type GuidedStep struct {
	PromptID string          `json:"prompt_id"`
	Node     string          `json:"node"`
	Report   json.RawMessage `json:"report"`
}

func (ExecutionStart) messageType() string       { return "execution_start" }
func (ExecutionCached) messageType() string      { return "execution_cached" }
func (Executing) messageType() string            { return "executing" }
func (Progress) messageType() string             { return "progress" }
func (ProgressState) messageType() string        { return "progress_state" }
func (Executed) messageType() string             { return "executed" }
func (ExecutionSuccess) messageType() string     { return "execution_success" }
func (ExecutionError) messageType() string       { return "execution_error" }
func (ExecutionInterrupted) messageType() string { return "execution_interrupted" }
func (GuidedStep) messageType() string           { return "isac_step" }
