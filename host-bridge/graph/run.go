package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// Runner runs nodes and holds what they make. *plugin.Client is one.
type Runner interface {
	// Execute runs one node and reports on the way.
	Execute(ctx context.Context, request plugin.Request, events func(plugin.Event)) (plugin.Result, error)
	// Release gives handles of earlier results back.
	Release(ctx context.Context, ids ...string) error
}

// FileWriter writes the files of one node: all of them or, with an error, none. *Folder is one.
type FileWriter interface {
	Write(files []plugin.File) ([]SavedFile, error)
}

// Options of Run.
type Options struct {
	// PromptID names the run in the plugin's log.
	PromptID string
	// Observer may be nil.
	Observer Observer
	// Files writes what nodes want written. A node that makes files fails without.
	Files FileWriter
	// Workflow is the editor's graph, for the metadata of images beside the prompt itself; may be nil.
	Workflow json.RawMessage
}

// Run runs a plan node by node. Two nodes of equal class and inputs run once and share the result, unless they are
// output nodes: these are wanted for what they do.
//
// The first node that fails stops the plan; the error is then a *NodeError, and errors.Is(err, context.Canceled) holds where
// ctx was cancelled. What finished before stays, its files too. At the end, however it comes, no handle is held.
func Run(ctx context.Context, plan *Plan, runner Runner, options Options) (*Outcome, error) {
	r := &run{
		plan: plan, runner: runner, options: options,
		outcome:  &Outcome{},
		held:     &holdings{runner: runner, users: map[string]int{}},
		outputs:  map[string][]plugin.Value{},
		signed:   map[string]signature{},
		owner:    map[signature]*NodeResult{},
		stand:    map[string]string{},
		readers:  map[string][]int{},
		observer: options.Observer,
	}
	if r.observer == nil {
		r.observer = func(Event) {}
	}
	err := r.prepare()
	if err == nil {
		err = r.all(ctx)
	}
	if release := r.held.releaseAll(ctx); release != nil && err == nil {
		err = fmt.Errorf("give handles back: %w", release)
	}
	return r.outcome, err
}

type run struct {
	plan     *Plan
	runner   Runner
	options  Options
	observer Observer
	outcome  *Outcome
	held     *holdings
	metadata json.RawMessage
	// outputs of the nodes that ran, by id.
	outputs map[string][]plugin.Value
	// signed are the signatures by node id. This and owner are what a cache between runs would have to remember.
	signed map[string]signature
	owner  map[signature]*NodeResult
	// stand is, for each node, the one that runs in its stead: itself, or an earlier one of equal signature.
	stand map[string]string
	// readers counts, for each node that runs and each of its outputs, the inputs that are to read it.
	readers map[string][]int
}

// prepare finds who runs for whom, and who reads what.
func (r *run) prepare() error {
	first := map[signature]string{}
	for _, t := range r.plan.Tasks {
		s, err := sign(t, r.signed)
		if err != nil {
			return err
		}
		id := t.Node.ID
		r.signed[id] = s
		r.stand[id] = id
		if !t.Schema.Output {
			if earlier, ok := first[s]; ok {
				r.stand[id] = earlier
				continue // it reads nothing
			}
			first[s] = id
		}
		r.readers[id] = make([]int, len(t.Schema.Outputs))
		for _, link := range links(t) {
			r.readers[r.stand[link.Node]][link.Slot]++
		}
	}
	metadata := map[string]any{"prompt": r.plan.workflow}
	if len(r.options.Workflow) > 0 {
		metadata["workflow"] = r.options.Workflow
	}
	var err error
	r.metadata, err = plainJSON(metadata)
	return err
}

// links are a task's links in the order of its schema's inputs.
func links(t *Task) []Link {
	var found []Link
	for _, in := range t.Schema.Inputs {
		if link, ok := t.Values[in.Name].(Link); ok {
			found = append(found, link)
		}
	}
	return found
}

func (r *run) all(ctx context.Context) error {
	for i, t := range r.plan.Tasks {
		start := time.Now()
		r.observer(NodeStarted{Task: t, Position: i + 1, Count: len(r.plan.Tasks)})
		result, err := r.node(ctx, t)
		elapsed := time.Since(start)
		if err != nil {
			// A plugin that is cancelled may fail in any way; what matters is that it was cancelled.
			if cancelled := ctx.Err(); cancelled != nil && !errors.Is(err, cancelled) {
				err = fmt.Errorf("%w (%v)", cancelled, err)
			}
			r.observer(NodeFailed{Task: t, Err: err, Elapsed: elapsed})
			return &NodeError{Task: t, Err: err}
		}
		result.Elapsed = elapsed
		r.outcome.Nodes = append(r.outcome.Nodes, result)
		r.observer(NodeFinished{Task: t, Result: result})
	}
	return nil
}

func (r *run) node(ctx context.Context, t *Task) (*NodeResult, error) {
	id := t.Node.ID
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if owner := r.owner[r.signed[id]]; r.stand[id] != id {
		return &NodeResult{Task: t, SameAs: owner.Task.Node.ID}, nil
	}
	inputs, read, err := r.inputs(t)
	if err != nil {
		return nil, err
	}
	result := &NodeResult{Task: t}
	got, err := r.runner.Execute(ctx, plugin.Request{
		PromptID: r.options.PromptID, NodeID: id, Class: t.Node.Class, Inputs: inputs, Workflow: r.metadata,
	}, func(e plugin.Event) {
		if e.Step != nil {
			result.Steps = append(result.Steps, e.Step)
		}
		if ours := heard(t, e); ours != nil {
			r.observer(ours)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := r.held.keep(ctx, got.Outputs, r.readers[id]); err != nil {
		return nil, err
	}
	if len(got.Outputs) != len(t.Schema.Outputs) {
		return nil, fmt.Errorf("the plugin gave %d outputs; the class has %d", len(got.Outputs), len(t.Schema.Outputs))
	}
	if len(got.Files) > 0 {
		if r.options.Files == nil {
			return nil, fmt.Errorf("the node made %d files, and this host was not told where to write", len(got.Files))
		}
		if result.Files, err = r.options.Files.Write(got.Files); err != nil {
			return nil, err
		}
	}
	if result.UI, err = withFiles(got.UI, result.Files); err != nil {
		return nil, err
	}
	r.outputs[id] = got.Outputs
	r.owner[r.signed[id]] = result
	return result, r.held.read(ctx, read)
}

// inputs gives a node's inputs as the plugin wants them, and those of them that are outputs of other nodes.
func (r *run) inputs(t *Task) (inputs map[string]plugin.Value, read []plugin.Value, err error) {
	inputs = make(map[string]plugin.Value, len(t.Values))
	for name, v := range t.Values {
		if link, ok := v.(Link); ok {
			value := r.outputs[r.stand[link.Node]][link.Slot]
			inputs[name] = value
			read = append(read, value)
			continue
		}
		text, err := plainJSON(v)
		if err != nil {
			return nil, nil, fmt.Errorf("input %q: %w", name, err)
		}
		inputs[name] = plugin.Value{JSON: text}
	}
	return inputs, read, nil
}

// withFiles adds the written files to a node's ui object, as ComfyUI's clients look for them: under "images".
func withFiles(ui json.RawMessage, files []SavedFile) (json.RawMessage, error) {
	if len(files) == 0 {
		return ui, nil
	}
	object := map[string]any{}
	if len(ui) > 0 {
		v, err := decodeValue(ui)
		given, ok := v.(map[string]any)
		if err != nil || !ok {
			return nil, fmt.Errorf("the plugin gave a ui that is no object: %.80s", ui)
		}
		object = given
	}
	object["images"] = files
	return plainJSON(object)
}
