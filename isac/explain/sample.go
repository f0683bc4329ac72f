package explain

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
)

// Request says what to sample, and what to look at. Fields that SampleRequest has mean what they mean there.
type Request struct {
	// Prompt says what both images shall show, Negative what they shall not. Classes and counts are read from Prompt.
	Prompt, Negative string
	// Width and Height are the image's in pixels; 0 is the model's own size.
	Width, Height      int
	Steps              int
	CFG                float64
	Sampler, Scheduler string
	Seed               uint64
	// Method guides, with its options. The plain run is measured with them, so that its losses can be compared.
	Method guidance.Method
	// Preset names the options on the sheets; "" leaves them unnamed.
	Preset string
	// Shown are the steps to show, counted from 0; nil is Usual.
	Shown []int
	// Progress, if not nil, is called with how many steps of both runs are done.
	Progress func(done, all int)
}

// ErrRequest says that a request cannot be met, before anything was sampled.
var ErrRequest = errors.New("explain")

// Sample takes both runs, one after the other, on the calling goroutine, which has to be the model's (see torch.Executor). It
// fails before it samples, naming all that is wrong, where the prompt names nothing that can be counted, a step is to be shown
// that the run does not have, or a setting is none. A context that is done ends it within one evaluation of the model.
func Sample(ctx context.Context, p *diffusion.Pipeline, r Request) (*Comparison, error) {
	if _, chooses := r.Method.(guidance.Chooser); chooses {
		return nil, fmt.Errorf("%w: the method %s chooses among several runs: use Choose", ErrRequest, r.Method.Name())
	}
	positive, negative, err := r.encode(p)
	if err != nil {
		return nil, err
	}
	defer positive.Close()
	defer negative.Close()
	c, count, err := r.begin(p, positive)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	for i, run := range c.runs() {
		w := &watcher{p: p, run: run, shown: c.Shown, before: i * count, all: 2 * count, progress: r.Progress}
		latent, _, err := p.Sample(ctx, diffusion.SampleRequest{
			Positive: positive, Negative: negative, Width: r.Width, Height: r.Height, Steps: r.Steps, CFG: r.CFG,
			Sampler: r.Sampler, Scheduler: r.Scheduler, Seed: r.Seed, Denoise: 1, OnStep: w.step,
			Guidance: &diffusion.Guidance{Target: c.Target, Method: r.Method, Measure: i == 0, Observe: w.observe, ObserveSelf: w.shows},
		})
		if err != nil {
			return nil, fmt.Errorf("explain: %s run: %w", names[i], err)
		}
		run.Image, err = decode(p, latent)
		latent.Close()
		if err != nil {
			return nil, fmt.Errorf("explain: %s run: %w", names[i], err)
		}
	}
	return c, nil
}

// encode fills in the image's size and encodes both prompts, which the caller closes.
func (r *Request) encode(p *diffusion.Pipeline) (positive, negative diffusion.Conditioning, err error) {
	if r.Width == 0 {
		r.Width = p.NativeSize()
	}
	if r.Height == 0 {
		r.Height = p.NativeSize()
	}
	if positive, err = p.EncodePrompt(r.Prompt); err != nil {
		return positive, negative, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if negative, err = p.EncodePrompt(r.Negative); err != nil {
		positive.Close()
		return positive, negative, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return positive, negative, nil
}

// begin checks a request and gives a comparison without runs, and the number of steps.
func (r *Request) begin(p *diffusion.Pipeline, positive diffusion.Conditioning) (*Comparison, int, error) {
	var errs []error
	target, err := methods.TargetFromPrompt(prompt.Parse(r.Prompt), positive.Spans)
	errs = append(errs, err, r.Method.Validate())
	_, err = sampling.Named(r.Sampler, p.Noise())
	errs = append(errs, err, sampling.Guidable(r.Sampler))
	sigmas, err := sampling.ScheduleFor(r.Sampler, r.Scheduler, p.Noise(), r.Steps, 1)
	errs = append(errs, err)
	count := sampling.Steps(r.Sampler, sigmas)
	shown := r.Shown
	if err == nil {
		if len(shown) == 0 {
			shown = Usual(count)
		}
		errs = append(errs, checkShown(shown, count))
	}
	c := &Comparison{Prompt: r.Prompt, Settings: r.describe(), Target: target, Shown: sorted(shown)}
	return c, count, errors.Join(errs...)
}

// describe says in a few words how the runs are made.
func (r *Request) describe() string {
	parts := []string{fmt.Sprintf("%s, %s, %d steps", r.Sampler, r.Scheduler, r.Steps), fmt.Sprintf("CFG %v", r.CFG), fmt.Sprintf("seed %d", r.Seed)}
	if r.Negative != "" {
		parts = append(parts, "not "+quoted(r.Negative))
	}
	c, chooses := r.Method.(guidance.Chooser)
	switch {
	case chooses && r.Preset != "":
		parts = append(parts, r.Method.Name()+" "+r.Preset)
	case r.Preset != "":
		parts = append(parts, "guidance "+r.Preset)
	}
	if chooses {
		parts = append(parts, fmt.Sprintf("%d candidates", c.Choice().Candidates))
	} else {
		parts = append(parts, fmt.Sprintf("η %v", r.Method.Common().Eta))
	}
	return strings.Join(parts, " · ")
}

// watcher collects what one run shows.
type watcher struct {
	p           *diffusion.Pipeline
	run         *Run
	shown       []int
	seen        *guidance.Maps // of the step that is under way
	before, all int
	progress    func(done, all int)
}

// observe keeps what guidance saw, before the step is taken.
func (w *watcher) observe(_ int, m guidance.Maps) { w.seen = &m }

// shows tells whether the maps of a step are drawn. Others are not kept, and self-attention, of 64×64 pixels 64 MiB, is not asked for.
func (w *watcher) shows(s guidance.Step) bool { return slices.Contains(w.shown, s.Index) }

func (w *watcher) step(info diffusion.StepInfo) error {
	var s Step
	if w.seen != nil {
		s.Maps, w.seen = *w.seen, nil
	}
	if len(info.Reports) > 0 {
		s.Report = info.Reports[0]
	}
	if slices.Contains(w.shown, info.Index) {
		var err error
		if s.Denoised, err = decode(w.p, info.Denoised); err != nil {
			return err
		}
	} else {
		s.Maps = guidance.Maps{Height: s.Height, Width: s.Width, InstancePeak: s.InstancePeak, ClassPeak: s.ClassPeak, Report: s.Report}
		s.Report.Masks, s.Report.Labels = nil, nil
	}
	w.run.Steps = append(w.run.Steps, s)
	if w.progress != nil {
		w.progress(w.before+len(w.run.Steps), w.all)
	}
	return nil
}

// decode gives the first image of latents.
func decode(p *diffusion.Pipeline, latent torch.Tensor) (image.Image, error) {
	t, err := p.DecodeLatent(latent)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	images, err := diffusion.Images(t)
	if err != nil {
		return nil, err
	}
	return images[0], nil
}
