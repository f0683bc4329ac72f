package graph

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The types of ComfyUI's validation errors.
const (
	TypeNoPrompt             = "no_prompt"
	TypeInvalidPrompt        = "invalid_prompt"
	TypeMissingNodeType      = "missing_node_type"
	TypeNoOutputs            = "prompt_no_outputs"
	TypeOutputsFailed        = "prompt_outputs_failed_validation"
	TypeRequiredInputMissing = "required_input_missing"
	TypeBadLinkedInput       = "bad_linked_input"
	TypeReturnTypeMismatch   = "return_type_mismatch"
	TypeInvalidInputType     = "invalid_input_type"
	TypeValueSmallerThanMin  = "value_smaller_than_min"
	TypeValueBiggerThanMax   = "value_bigger_than_max"
	TypeValueNotInList       = "value_not_in_list"
	TypeCustomValidation     = "custom_validation_failed"
	TypeExceptionInner       = "exception_during_inner_validation"
	TypeExceptionDuring      = "exception_during_validation"
	TypeDependencyCycle      = "dependency_cycle"
)

// Mistake is one validation error as ComfyUI's clients read it.
type Mistake struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Details string `json:"details"`
	// ExtraInfo is never nil: clients index it.
	ExtraInfo map[string]any `json:"extra_info"`
}

// Line is the mistake for people, in one line.
func (m Mistake) Line() string {
	switch {
	case m.Details == "":
		return m.Message
	case m.Type == TypeExceptionDuring, m.Type == TypeExceptionInner: // an exception is ComfyUI's way of putting it
		return m.Details
	case m.Type == TypeMissingNodeType:
		return m.Message + " (" + m.Details + ")"
	}
	return m.Message + ": " + m.Details
}

// NodeMistakes are the mistakes of one node.
type NodeMistakes struct {
	ID    string `json:"-"`
	Title string `json:"-"`

	Mistakes []Mistake `json:"errors"`
	// DependentOutputs are the output nodes that cannot run for it.
	DependentOutputs []string `json:"dependent_outputs"`
	Class            string   `json:"class_type"`
}

// Report is what Validate found.
type Report struct {
	// Error is why nothing of the workflow can run, as the "error" of ComfyUI's answer; nil where something can.
	Error *Mistake
	// Missing are all nodes of a class that nobody offers. ComfyUI names only the first of them, in its error.
	Missing []Mistake
	// Nodes are the nodes with mistakes of their own, in the order of the workflow. Nodes that cannot run only for an
	// ancestor's mistake are left out.
	Nodes []NodeMistakes
	// Outputs are the output nodes that can run, in the order of the workflow.
	Outputs []string

	workflow *Workflow
	schemas  Schemas
	values   map[*Node]map[string]any
}

// Clean says that there is no mistake at all. A report that is not clean can still have outputs that run.
func (r *Report) Clean() bool { return r.Error == nil && len(r.Missing) == 0 && len(r.Nodes) == 0 }

// Err gives nil for a clean report, else an *InvalidError.
func (r *Report) Err() error {
	if r.Clean() {
		return nil
	}
	return &InvalidError{Report: r}
}

// NodeErrors is the "node_errors" of ComfyUI's answer.
func (r *Report) NodeErrors() json.RawMessage {
	members := make(map[string]NodeMistakes, len(r.Nodes))
	for _, n := range r.Nodes {
		members[n.ID] = n
	}
	text, err := plainJSON(members)
	if err != nil { // only values that came out of JSON go in
		panic(fmt.Sprintf("graph: node errors cannot be written as json: %v", err))
	}
	return text
}

// InvalidError is a workflow with mistakes; its text names all of them, one a line.
type InvalidError struct{ Report *Report }

func (e *InvalidError) Error() string {
	lines := e.Report.Lines()
	if len(lines) == 1 {
		return "the workflow has a mistake: " + lines[0]
	}
	return fmt.Sprintf("the workflow has %d mistakes:\n  %s", len(lines), strings.Join(lines, "\n  "))
}

// Lines are all mistakes for people, one a line, in the order of the workflow. A cycle is named once, not at each of its nodes.
func (r *Report) Lines() []string {
	var lines []string
	cycles := map[string]bool{}
	for _, m := range r.Missing {
		lines = append(lines, m.Line())
	}
	for _, n := range r.Nodes {
		name := (&Node{ID: n.ID, Class: n.Class, Title: n.Title}).describe()
		for _, m := range n.Mistakes {
			if m.Type == TypeDependencyCycle {
				if cycles[m.Details] {
					continue
				}
				cycles[m.Details] = true
			}
			lines = append(lines, name+": "+m.Line())
		}
	}
	if len(lines) == 0 && r.Error != nil {
		lines = append(lines, r.Error.Line())
	}
	return lines
}
