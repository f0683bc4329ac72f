package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/host-bridge/store"
	"github.com/isac-guidance/isac/plugin"
)

// freeTime bounds giving memory back after it ran out.
const freeTime = 30 * time.Second

// Run runs a prompt. It fails, rather than the worker, whatever happens in it.
func (w *Worker) Run(ctx context.Context, r *queue.Record, events *queue.Publisher) (queue.State, *queue.Result) {
	n := newRunEvents(r, events)
	n.start()
	outcome, err := w.run(ctx, r, n)
	if failure := (*plugin.Error)(nil); errors.As(err, &failure) && failure.Kind == plugin.KindOutOfMemory {
		// What earlier nodes made may be what is in the way of the next prompt.
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), freeTime)
		defer stop()
		if err := w.Free(ctx, true, true); err != nil {
			w.log.Warn("cannot free memory after it ran out", "reason", err.Error())
		}
	}
	if outcome != nil {
		n.collect(outcome)
	}
	switch {
	case err == nil:
		return n.success()
	case errors.Is(context.Cause(ctx), queue.ErrInterrupted):
		return n.interrupted(err)
	}
	w.log.Warn("prompt failed", "prompt", r.ID, "reason", err.Error())
	return n.failed(err)
}

func (w *Worker) run(ctx context.Context, r *queue.Record, n *runEvents) (*graph.Outcome, error) {
	entries, err := w.ready(ctx)
	if err != nil {
		return nil, err
	}
	schemas, err := graph.ParseSchemas(entries)
	if err != nil {
		return nil, fmt.Errorf("the plugins' nodes: %w", err)
	}
	workflow, err := graph.Parse(r.Workflow)
	if err != nil {
		return nil, err
	}
	report := graph.Validate(workflow, schemas, r.Outputs...)
	// It was valid when it was put: files may have gone since, or this worker has other nodes than others.
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("this worker cannot run it: %w", err)
	}
	plan, err := report.Plan()
	if err != nil {
		return nil, err
	}
	var extra struct {
		PNG struct {
			Workflow json.RawMessage `json:"workflow"`
		} `json:"extra_pnginfo"`
	}
	// A client may put anything there; what is no workflow is none.
	_ = json.Unmarshal(r.Extra, &extra)
	return graph.Run(ctx, plan, w.pool, graph.Options{
		PromptID: r.ID, Observer: n.event, Files: files{ctx, n.events.Files()}, Workflow: extra.PNG.Workflow,
		Inputs: n.events.Inputs(),
		Cache:  w.cache, Previews: r.Previews,
	})
}

// files writes what nodes make into the queue's store.
type files struct {
	ctx   context.Context
	store store.Writer
}

// Gone asks the store. What it cannot tell counts as there: a picture is not made again for a server that does not answer.
func (f files) Gone(saved []graph.SavedFile) bool {
	finder, ok := f.store.(store.Finder)
	if !ok {
		return false
	}
	gone, err := finder.Gone(f.ctx, saved)
	return err == nil && gone
}

// Write writes the files of one node, each kind in its folder.
func (f files) Write(made []plugin.File) ([]graph.SavedFile, error) {
	saved := make([]graph.SavedFile, len(made))
	done := make([]bool, len(made))
	for i, first := range made {
		if done[i] {
			continue
		}
		var places []int
		var group []plugin.File
		for j := i; j < len(made); j++ {
			if made[j].Type == first.Type {
				places, group = append(places, j), append(group, made[j])
			}
		}
		names, err := f.store.Write(f.ctx, first.Type, group)
		if err != nil {
			return nil, err
		}
		for k, j := range places {
			saved[j], done[j] = names[k], true
		}
	}
	return saved, nil
}
