package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// FileFinder is a FileWriter that knows which files are there. What it is asked for is what a node saved in an earlier run.
type FileFinder interface {
	// Gone says whether any of the files is not there any more.
	Gone(files []SavedFile) bool
}

// Options of Run.
type Options struct {
	// PromptID names the run in the plugin's log.
	PromptID string
	// Observer may be nil.
	Observer Observer
	// Files writes what nodes want written. A node that makes files fails without.
	Files FileWriter
	// Inputs reads files that inputs of nodes name; without it such nodes fail.
	Inputs FileReader
	// Workflow is the editor's graph, for the metadata of images beside the prompt itself; may be nil.
	Workflow json.RawMessage
	// Cache gives what earlier runs made, and keeps what this one makes, also if it fails on the way; may be nil.
	Cache *Cache
	// Previews asks nodes for pictures of unfinished work.
	Previews bool
}

// Run runs a plan node by node. Two nodes of equal class and inputs run once and share the result, unless they are
// output nodes: these are wanted for what they do.
//
// The first node that fails stops the plan; the error is then a *NodeError, and errors.Is(err, context.Canceled) holds where
// ctx was cancelled. What finished before stays, its files too. At the end, however it comes, no handle is held but those that
// the cache keeps.
func Run(ctx context.Context, plan *Plan, runner Runner, options Options) (*Outcome, error) {
	r := &run{
		plan: plan, runner: runner, options: options,
		outcome:  &Outcome{},
		held:     &holdings{runner: runner, users: map[string]int{}, cache: options.Cache},
		outputs:  map[string][]values{},
		signed:   map[string]signature{},
		owner:    map[signature]*NodeResult{},
		stand:    map[string]string{},
		readers:  map[string][]int{},
		contents: map[string]map[string][]byte{},
		observer: options.Observer,
	}
	if r.observer == nil {
		r.observer = func(Event) {}
	}
	err := r.prepare(ctx)
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
	// outputs of the nodes that ran, by id: at each output a list of values, mostly of one.
	outputs map[string][]values
	// tasks are those that run; cached are those whose results are in the cache, of which known are the outputs that are wanted.
	tasks         []*Task
	cached, known []*Task
	// signed are the signatures by node id.
	signed map[string]signature
	owner  map[signature]*NodeResult
	// stand is, for each node, the one that runs in its stead: itself, or an earlier one of equal signature.
	stand map[string]string
	// readers counts, for each node that runs and each of its outputs, the inputs that are to read it.
	readers map[string][]int
	// contents are those of the files that inputs of a node name, by node and input.
	contents map[string]map[string][]byte
}

// prepare finds who runs, who runs for whom, and who reads what.
func (r *run) prepare(ctx context.Context) error {
	wanted := make(map[signature]bool, len(r.plan.Tasks))
	for _, t := range r.plan.Tasks {
		if err := r.readFiles(ctx, t); err != nil {
			return &NodeError{Task: t, Err: err}
		}
		s, err := sign(t, r.signed, r.contents[t.Node.ID])
		if err != nil {
			return err
		}
		r.signed[t.Node.ID], wanted[s] = s, true
	}
	if cache := r.options.Cache; cache != nil {
		if err := cache.retain(ctx, r.runner, wanted); err != nil {
			return err
		}
	}
	r.choose()
	first := map[signature]string{}
	for _, t := range r.tasks {
		id := t.Node.ID
		r.stand[id] = id
		if !t.Schema.Output {
			if earlier, ok := first[r.signed[id]]; ok {
				r.stand[id] = earlier
				continue // it reads nothing
			}
			first[r.signed[id]] = id
		}
		r.readers[id] = make([]int, len(t.Schema.Outputs))
		for _, link := range links(t) {
			if readers := r.readers[r.stand[link.Node]]; readers != nil {
				readers[link.Slot]++
			}
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

// choose divides the plan's tasks: what the cache has does not run, nor what only such a node would have needed.
func (r *run) choose() {
	needed := map[string]bool{}
	// From the end of the plan, where every node comes after those that need it.
	for i := len(r.plan.Tasks) - 1; i >= 0; i-- {
		t := r.plan.Tasks[i]
		id := t.Node.ID
		if e := r.kept(id); e != nil && !r.gone(e) {
			r.cached = append(r.cached, t)
			r.outputs[id], r.stand[id] = e.outputs, id
			if t.Schema.Output {
				r.known = append(r.known, t)
			}
			continue
		}
		if !t.Schema.Output && !needed[id] {
			continue
		}
		r.tasks = append(r.tasks, t)
		for _, link := range links(t) {
			needed[link.Node] = true
		}
	}
	slices.Reverse(r.tasks)
	slices.Reverse(r.cached)
	slices.Reverse(r.known)
}

// kept is what the cache has of a node.
func (r *run) kept(id string) *cached {
	if r.options.Cache == nil {
		return nil
	}
	return r.options.Cache.entries[r.signed[id]]
}

// gone says that files of a result were removed since: the node makes them again, and names none that nobody finds.
func (r *run) gone(e *cached) bool {
	finder, ok := r.options.Files.(FileFinder)
	return ok && len(e.result.Files) > 0 && finder.Gone(e.result.Files)
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
	r.observer(RunStarted{Cached: r.cached, Tasks: r.tasks})
	for _, t := range r.known {
		result := *r.kept(t.Node.ID).result
		result.Task, result.Cached, result.Elapsed = t, true, 0
		r.outcome.Nodes = append(r.outcome.Nodes, &result)
		r.observer(NodeCached{Task: t, Result: &result})
	}
	for i, t := range r.tasks {
		start := time.Now()
		r.observer(NodeStarted{Task: t, Position: i + 1, Count: len(r.tasks)})
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
	made := make([]values, len(t.Schema.Outputs))
	for _, call := range calls(t.Schema, inputs) {
		if err := r.call(ctx, t, call, result, made); err != nil {
			return nil, err
		}
	}
	r.outputs[id] = made
	r.owner[r.signed[id]] = result
	if r.options.Cache != nil {
		if err := giveBack(ctx, r.runner, r.options.Cache.put(r.signed[id], result, made)); err != nil {
			return nil, fmt.Errorf("give back what an earlier node made: %w", err)
		}
	}
	return result, errors.Join(r.held.settle(ctx, made), r.held.read(ctx, read))
}

// call runs a node once, and adds what it makes to result and made.
func (r *run) call(ctx context.Context, t *Task, inputs map[string]plugin.Value, result *NodeResult, made []values) error {
	sent, err := r.filesOf(ctx, t, inputs)
	if err != nil {
		return err
	}
	got, err := r.runner.Execute(ctx, plugin.Request{
		PromptID: r.options.PromptID, NodeID: t.Node.ID, Class: t.Node.Class, Inputs: inputs, Workflow: r.metadata,
		Previews: r.options.Previews, Files: sent,
	}, func(e plugin.Event) {
		if e.Step != nil {
			result.Steps = append(result.Steps, e.Step)
		}
		if ours := heard(t, e); ours != nil {
			r.observer(ours)
		}
	})
	if err != nil {
		return err
	}
	outputs := make([]values, len(got.Outputs))
	for i, v := range got.Outputs {
		outputs[i] = flat(v)
	}
	r.held.keep(outputs, r.readers[t.Node.ID])
	if err := collect(t.Schema, made, got.Outputs); err != nil {
		return err
	}
	var files []SavedFile
	if len(got.Files) > 0 {
		if r.options.Files == nil {
			return fmt.Errorf("the node made %d files, and this host was not told where to write", len(got.Files))
		}
		if files, err = r.options.Files.Write(got.Files); err != nil {
			return err
		}
	}
	result.Files = append(result.Files, files...)
	result.UI, err = mergeUI(result.UI, got.UI, files)
	return err
}

// inputs gives the values of a node's inputs, of which most have one, and those that are outputs of other nodes.
func (r *run) inputs(t *Task) (inputs map[string]values, read []values, err error) {
	inputs = make(map[string]values, len(t.Values))
	for name, v := range t.Values {
		if link, ok := v.(Link); ok {
			from := r.outputs[r.stand[link.Node]][link.Slot]
			inputs[name] = from
			read = append(read, from)
			continue
		}
		text, err := plainJSON(v)
		if err != nil {
			return nil, nil, fmt.Errorf("input %q: %w", name, err)
		}
		inputs[name] = values{{JSON: text}}
	}
	return inputs, read, nil
}
