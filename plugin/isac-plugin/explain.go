package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/isac-guidance/isac/isac/diffusion"
	pictures "github.com/isac-guidance/isac/isac/explain"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin/server"
)

// explain is the command of that name.
type explain struct {
	Prompt string `required:"" help:"What the picture shall show: \"A photo of two cats and a dog.\""`
	Model  string `required:"" placeholder:"DIR|FILE" help:"The model: a diffusers folder or a .safetensors file."`
	Out    string `required:"" placeholder:"DIR" help:"Folder to write to."`

	StepsShown []int  `placeholder:"STEP,…" help:"Steps to show, counted from 0. Default: the first, the last, and three between, most of them early."`
	Negative   string `help:"What the picture shall not show."`
	Seed       uint64 `default:"0" help:"Seed of the noise, the same for both runs."`
	Steps      int    `default:"20" help:"Sampling steps."`

	CFG       float64 `default:"3" name:"cfg" help:"Scale of classifier-free guidance."`
	Sampler   string  `default:"ddim" help:"Sampler."`
	Scheduler string  `default:"ddim_uniform" help:"Scheduler."`
	Size      int     `default:"0" help:"Side of the picture in pixels; 0 is what the model was trained on."`

	Method string            `default:"isac" placeholder:"NAME" help:"What guides: ${methods}. isac_ls makes a strip of its candidates."`
	Preset string            `placeholder:"NAME" help:"Options of guidance: classes, typed or paper of isac, typed or paper of isac_ls, official or paper of attend_excite. Default: the recommended one."`
	Set    map[string]string `placeholder:"KEY=VALUE" mapsep:"," help:"Options changed from the preset: --set eta=0.05,schedule=C."`

	compute
}

// interrupted is the end that the user asked for.
type interrupted struct{}

func (interrupted) Error() string { return "interrupted: nothing more was written" }

// ExitCode is what a shell reports for Ctrl-C.
func (interrupted) ExitCode() int { return 130 }

// Run samples without and with guidance, or the candidates of a method that chooses, and writes pictures of what was seen.
func (e *explain) Run(c *commands) error {
	stdout, err := server.TakeStdout()
	if err != nil {
		return err
	}
	ctx, release := interruptible()
	defer release()
	if err = e.run(ctx, c, stdout); errors.Is(err, context.Canceled) {
		return interrupted{}
	}
	return err
}

func (e *explain) run(ctx context.Context, c *commands, stdout io.Writer) error {
	request, err := e.request()
	if err := errors.Join(err, pictures.Folder(e.Out)); err != nil {
		return err
	}
	if err := torch.Load(""); err != nil {
		return err
	}
	executor := torch.NewExecutor()
	defer executor.Close()
	var write func() ([]string, error)
	err = executor.Do(ctx, func() error {
		pipeline, err := diffusion.Load(e.Model, e.compute.load(c))
		if err != nil {
			return err
		}
		defer pipeline.Close()
		what := "plain and guided steps "
		_, chooses := request.Method.(guidance.Chooser)
		if chooses {
			what = "steps of all candidates "
		}
		tell, end := progress(os.Stderr, what)
		defer end()
		request.Progress = tell
		if chooses {
			seen, err := pictures.Choose(ctx, pipeline, request)
			write = func() ([]string, error) { return pictures.WriteCandidates(ctx, e.Out, seen) }
			return err
		}
		seen, err := pictures.Sample(ctx, pipeline, request)
		write = func() ([]string, error) { return pictures.Write(ctx, e.Out, seen) }
		return err
	})
	if err != nil {
		return err
	}
	paths, err := write()
	for _, path := range paths {
		fmt.Fprintln(stdout, path)
	}
	return err
}

// request is what the flags ask for. All that is wrong with the options is told at once.
func (e *explain) request() (pictures.Request, error) {
	name := e.Preset
	if name == "" {
		name = "default"
	}
	method, err := methods.Named(e.Method, name)
	if err == nil {
		method, err = guidance.With(method, e.Set)
	}
	if parsed := prompt.Parse(e.Prompt); len(parsed.Phrases) == 0 { // told before a large model is loaded
		_, none := parsed.Locate(nil)
		err = errors.Join(err, none)
	}
	if e.Size < 0 {
		err = errors.Join(err, fmt.Errorf("--size is %d, expected a number of pixels, or 0", e.Size))
	}
	return pictures.Request{
		Prompt: e.Prompt, Negative: e.Negative, Width: e.Size, Height: e.Size, Steps: e.Steps, CFG: e.CFG,
		Sampler: e.Sampler, Scheduler: e.Scheduler, Seed: e.Seed, Method: method, Preset: e.named(name), Shown: e.StepsShown,
	}, err
}

// named is how the sheets call the options: the preset and what was changed.
func (e *explain) named(preset string) string {
	parts := []string{preset}
	for _, key := range slices.Sorted(maps.Keys(e.Set)) {
		parts = append(parts, key+"="+e.Set[key])
	}
	return strings.Join(parts, "+")
}

// progress shows a bar on a terminal, and nothing elsewhere.
func progress(to *os.File, what string) (tell func(done, all int), end func()) {
	if os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(to.Fd())) {
		return nil, func() {}
	}
	p := mpb.New(mpb.WithOutput(to))
	bar := p.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(what), decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_MMSS)))
	return func(done, all int) {
			bar.SetTotal(int64(all), false)
			bar.SetCurrent(int64(done))
		}, func() {
			bar.Abort(true)
			p.Wait()
		}
}
