package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

type runCommand struct {
	Workflow string    `arg:"" placeholder:"WORKFLOW.json" help:"Workflow in ComfyUI's API format; - reads standard input."`
	Out      string    `required:"" short:"o" placeholder:"DIR" help:"Where files are written; it is made if need be."`
	Input    string    `default:"." short:"i" placeholder:"DIR" help:"Where files are that nodes such as LoadImage name (${default})."`
	Set      []setting `placeholder:"NODE.INPUT=VALUE" sep:"none" help:"Change an input of the workflow, such as 3.seed=7; may be given again."`
	JSON     bool      `help:"Print what run.json holds instead of the files."`
	process
}

// Run runs the workflow. What is wrong with it is said before anything is written.
func (r *runCommand) Run(con *console) (err error) {
	w, err := readWorkflow(con, r.Workflow)
	if err != nil {
		return wrongError{err}
	}
	client, described, schemas, err := r.start(con)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	plan, err := r.plan(w, schemas)
	if err != nil {
		return wrongError{err}
	}
	folder, err := graph.OpenFolder(r.Out)
	if err != nil {
		return err
	}
	defer folder.Close()

	show := newDisplay(con)
	record := newRecord(r, described)
	outcome, failure := graph.Run(con.ctx, plan, client, graph.Options{
		PromptID: rand.Text(), Files: folder, Inputs: inputFolder(r.Input), Observer: show.event,
	})
	show.close()
	if err := record.finish(outcome, failure, r.Out); err != nil {
		return errors.Join(failure, err)
	}
	path, err := record.write(folder)
	if err != nil {
		return errors.Join(failure, err)
	}
	if r.JSON {
		err = record.print(con.stdout)
	} else {
		for _, f := range outcome.Files() {
			if err == nil {
				_, err = fmt.Fprintln(con.stdout, f.Path)
			}
		}
	}
	if failure != nil || err != nil {
		return errors.Join(failure, err)
	}
	fmt.Fprintf(con.stderr, "done in %s; times and losses are in %s\n", seconds(record.elapsed), path)
	return nil
}

// plan applies the settings and checks the workflow. Every mistake is in the error.
func (r *runCommand) plan(w *graph.Workflow, schemas graph.Schemas) (*graph.Plan, error) {
	var failed []error
	for _, s := range r.Set {
		if err := s.apply(w, schemas); err != nil {
			failed = append(failed, err)
		}
	}
	report := graph.Validate(w, schemas)
	if err := report.Err(); err != nil {
		failed = append(failed, fmt.Errorf("%s: %w", r.Workflow, err))
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return report.Plan()
}

// seconds writes a duration as people read it.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// statusOf names the end of a run in run.json.
func statusOf(err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return "error"
}
