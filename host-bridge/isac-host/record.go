package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// recordName is the file beside the images in which tools find what a run did.
const recordName = "run.json"

// record is what run.json holds.
type record struct {
	// Status is "success", "error" or "interrupted".
	Status   string     `json:"status"`
	Error    *failure   `json:"error,omitempty"`
	Workflow string     `json:"workflow"`
	Settings []string   `json:"settings,omitempty"`
	Host     string     `json:"host_version"`
	Plugin   string     `json:"plugin_version"`
	Torch    string     `json:"torch_version,omitempty"`
	Device   string     `json:"device"`
	Started  time.Time  `json:"started"`
	Seconds  float64    `json:"seconds"`
	Folder   string     `json:"folder"`
	Nodes    []nodeDone `json:"nodes"`

	elapsed time.Duration
}

// failure says what stopped a run, and at which node where it was one.
type failure struct {
	Message string `json:"message"`
	Node    string `json:"node_id,omitempty"`
	Class   string `json:"class_type,omitempty"`
	Title   string `json:"title,omitempty"`
}

// nodeDone is one node that ran.
type nodeDone struct {
	ID      string  `json:"id"`
	Class   string  `json:"class_type"`
	Title   string  `json:"title,omitempty"`
	Seconds float64 `json:"seconds"`
	// SameAs is the node whose result this one shares.
	SameAs string `json:"same_as,omitempty"`
	// Files lie in the folder; the slash separates subfolders.
	Files []string `json:"files,omitempty"`
	// Text is what the node says of what it did.
	Text []string `json:"text,omitempty"`
	// Steps are the reports of guided steps, less the arrays of their pictures.
	Steps []map[string]json.RawMessage `json:"steps,omitempty"`
}

func newRecord(r *runCommand, described plugin.Description) *record {
	rec := &record{
		Workflow: r.Workflow, Host: version, Plugin: described.Version, Torch: described.Torch.Version, Device: r.Device,
		Started: time.Now().UTC().Round(time.Millisecond), Nodes: []nodeDone{},
	}
	for _, s := range r.Set {
		rec.Settings = append(rec.Settings, s.String())
	}
	return rec
}

// finish fills in what came of the run.
func (r *record) finish(outcome *graph.Outcome, err error, folder string) error {
	r.elapsed = time.Since(r.Started)
	r.Seconds, r.Status = r.elapsed.Seconds(), statusOf(err)
	var failed error
	if r.Folder, failed = filepath.Abs(folder); failed != nil {
		return failed
	}
	if err != nil {
		r.Error = &failure{Message: err.Error()}
		var at *graph.NodeError
		if errors.As(err, &at) {
			n := at.Task.Node
			r.Error.Node, r.Error.Class, r.Error.Title = n.ID, n.Class, n.Title
		}
	}
	for _, done := range outcome.Nodes {
		n := done.Task.Node
		node := nodeDone{ID: n.ID, Class: n.Class, Title: n.Title, Seconds: done.Elapsed.Seconds(), SameAs: done.SameAs, Text: textOf(done.UI)}
		for _, f := range done.Files {
			relative, err := filepath.Rel(folder, f.Path)
			if err != nil {
				return fmt.Errorf("%s: %w", recordName, err)
			}
			node.Files = append(node.Files, filepath.ToSlash(relative))
		}
		for _, text := range done.Steps {
			var step map[string]json.RawMessage
			if err := json.Unmarshal(text, &step); err != nil {
				return fmt.Errorf("node %s: the report of a step is no object: %w", n.ID, err)
			}
			delete(step, "masks")
			delete(step, "labels")
			node.Steps = append(node.Steps, step)
		}
		r.Nodes = append(r.Nodes, node)
	}
	return nil
}

// write puts the record beside the images.
func (r *record) write(folder *graph.Folder) (string, error) {
	var b bytes.Buffer
	if err := r.print(&b); err != nil {
		return "", err
	}
	return folder.WriteFile(recordName, b.Bytes())
}

func (r *record) print(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// textOf is the text among what a node shows.
func textOf(ui json.RawMessage) []string {
	var shown struct {
		Text []string `json:"text"`
	}
	if json.Unmarshal(ui, &shown) != nil {
		return nil
	}
	return shown.Text
}
