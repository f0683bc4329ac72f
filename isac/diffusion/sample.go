package diffusion

import (
	"context"
	"errors"
	"fmt"

	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// ErrNotFinite says that sampling came to NaN or infinite values. The message tells at which step, and what to do.
var ErrNotFinite = errors.New("not finite")

// Sample makes latents [B,C,h,w], unscaled, float32, on the CPU and kept, for DecodeLatent. With guidance it also gives a report for
// each step and image, [step][image]. The same request gives the same bytes on the CPU. It is Run without what else a run comes to.
func (p *Pipeline) Sample(ctx context.Context, r SampleRequest) (torch.Tensor, [][]guidance.Report, error) {
	result, err := p.Run(ctx, r)
	return result.Latent, result.Reports, err
}

// Run samples, and chooses among candidates where the request has some.
//
// Before anything is allocated the memory that the run needs is compared with what there is: too much is a *MemoryError. Only the
// latents of a batch are there all at once: the model evaluates as many images together as there is room for, on the CPU one.
//
// A context that is done ends the run within one evaluation of the model, with its error. A latent that is no longer finite ends it
// with an error that names the step.
func (p *Pipeline) Run(ctx context.Context, r SampleRequest) (Result, error) {
	pl, err := p.plan(&r)
	if err != nil {
		return Result{}, fmt.Errorf("sample: %w", err)
	}
	if pl.unchosen != "" && r.Guidance.measures() { // there is nothing to look at either
		r.Guidance = nil
	}
	result, err := p.run(ctx, &r, pl)
	if err != nil {
		return Result{}, fmt.Errorf("sample: %w", err)
	}
	if pl.unchosen != "" {
		for range pl.images() {
			only := Candidate{Seed: r.Seed, Steps: pl.steps, Losses: []float64{}}
			result.Choices = append(result.Choices, Choice{Candidates: []Candidate{only}, Reason: pl.unchosen})
		}
	}
	return result, nil
}

// run makes the run of a request that was checked.
func (p *Pipeline) run(ctx context.Context, r *SampleRequest, pl plan) (out Result, err error) {
	err = torch.InScope(func() error {
		run := &run{p: p, ctx: ctx, request: r, plan: pl}
		defer run.close()
		var err error
		torch.NoGrad(func() { err = run.start() })
		out = run.result
		return err
	})
	return out, err
}

// run is one sampling run while it lasts.
type run struct {
	p       *Pipeline
	ctx     context.Context // a run is one call: it ends with the context that it was called with
	request *SampleRequest
	plan    plan

	denoise   denoiser
	reuse     *reuse              // nil where samplers take over nothing from guidance
	sessions  []*guidance.Session // one for each image, none without guidance
	selection *selection          // nil where nothing is chosen
	inpaint   *inpaint            // nil without a mask
	noise     []*torch.Generator  // of ancestral samplers, for each candidate; none until asked for
	paths     []*sampling.Path    // of samplers with a Brownian path, for each candidate; none until asked for
	sigma     float64             // of this step
	controls  []applied           // that are ready
	current   []guidance.Report   // of this step
	reports   [][]guidance.Report
	result    Result
}

// begin opens a guidance session for each image.
func (r *run) begin() error {
	g := r.request.Guidance
	if g == nil {
		return nil
	}
	var err error
	if r.selection, err = r.newSelection(); err != nil {
		return err
	}
	most := r.plan.part
	model := conditional{ctx: r.ctx, p: r.p, c: r.request.guided(), cost: &r.result.Cost, last: &backbone.Evaluation{}, method: g.Method, most: &most}
	r.reuse = newReuse(g, r.plan.shape[0])
	controls := r.p.controls(model.c, r.plan.shape[2], r.plan.shape[3], nil)
	r.controls = controls
	for b := range int(r.plan.shape[0]) {
		if len(controls) > 0 {
			model.run = &controlledRun{controls: controls, image: int64(b % r.plan.images()), sigma: &r.sigma}
		}
		config := guidance.Config{
			Model: model, Noise: r.p.noise, Method: g.Method, Target: g.Target, Measure: g.Measure,
			Seed: r.seedOf(b) + uint64(r.request.noiseOf(b%r.plan.images())),
		}
		if r.selection != nil && r.selection.measures {
			config.Model = recorded{model, r.selection, b}
		}
		if r.reuse != nil {
			config.Predicted = func(p guidance.Prediction) { r.reuse.take(b, p) }
		}
		if g.Observe != nil {
			config.Observe, config.ObserveSelf = func(m guidance.Maps) { g.Observe(b, m) }, g.ObserveSelf
		}
		s, err := guidance.Open(config)
		if err != nil {
			return err
		}
		r.sessions = append(r.sessions, s)
	}
	return nil
}

// start runs all steps and keeps the result.
func (r *run) start() error {
	if err := r.begin(); err != nil {
		return err
	}
	var err error
	if r.denoise, err = newDenoiser(r); err != nil {
		return err
	}
	from, err := r.noised()
	if err != nil {
		return err
	}
	x, err := r.plan.sampler(r.model, from, r.plan.sigmas, sampling.Hooks{
		BeforeStep: r.before, AfterStep: r.after, Noise: r.ancestral, Brownian: r.brownian, Both: r.both,
	})
	if err != nil {
		return err
	}
	if !x.AllFinite() {
		return fmt.Errorf("after the last step: %w", ErrNotFinite)
	}
	if last := r.plan.sigmas[len(r.plan.sigmas)-1]; last > 0 { // of a flow, so that the run that goes on finds what this one left
		x = x.DivScalar(r.p.latentShare(last))
	}
	if r.selection != nil {
		if x, err = r.selection.finish(x); err != nil {
			return err
		}
	}
	r.result.Latent, r.result.Reports = r.p.unscale(x).ToDevice(torch.CPU).Contiguous().Keep(), r.reports
	return nil
}

// model is the denoiser, which leaves alone what a mask does.
func (r *run) model(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	d, err := r.evaluate(r.inpaint.before(x, sigma), sigma, false)
	if err != nil {
		return torch.Tensor{}, err
	}
	return r.inpaint.after(d[0]), nil
}

// both is model with D_negative beside it, which a mask does not touch, as in ComfyUI.
func (r *run) both(x torch.Tensor, sigma float64) (denoised, negative torch.Tensor, err error) {
	d, err := r.evaluate(r.inpaint.before(x, sigma), sigma, true)
	if err != nil {
		return denoised, negative, err
	}
	return r.inpaint.after(d[0]), d[1], nil
}

// close frees what the run holds beside tensors.
func (r *run) close() {
	for _, g := range r.noise {
		g.Close()
	}
	if r.selection != nil {
		r.selection.ready.close()
	}
	for _, s := range r.sessions {
		s.Close()
	}
	r.reuse.close()
}

// step is step i of the run, at sigma.
func (r *run) step(i int, sigma float64) guidance.Step {
	at := r.request.FirstStep + i
	return guidance.Step{Index: at, Count: max(r.plan.whole, at+1), Sigma: sigma}
}

// noised gives the latent that sampling starts from, x [B,C,h,w].
func (r *run) noised() (torch.Tensor, error) {
	noise := r.unitNoise().ToDevice(r.p.device)
	r.sigma = r.plan.sigmas[0]
	if !r.request.NoNoise {
		var err error
		noise, err = r.eachImage(noise, func(b int, image torch.Tensor) (torch.Tensor, bool, error) {
			return r.sessions[b].Prepare(image, r.step(0, r.plan.sigmas[0]))
		})
		if err != nil {
			return noise, err
		}
	}
	start := r.request.Latent
	if start.Defined() && start.To(torch.Float32).NormAll().ToDevice(torch.CPU).Float32s()[0] == 0 { // an empty latent has no colour to shift
		start = torch.Tensor{}
	}
	if start.Defined() {
		start = toBatch(r.p.scale(start.To(torch.Float32).ToDevice(r.p.device)), r.plan.shape[0])
	}
	r.inpaint = r.newInpaint(start, noise)
	return r.p.noise.Noised(start, noise, r.plan.sigmas[0]), nil
}

// after checks the state at the end of a step and tells the caller.
func (r *run) after(i int, sigma float64, x, denoised torch.Tensor) error {
	if !denoised.AllFinite() {
		return r.notFinite(sigma, x)
	}
	if r.selection != nil {
		return r.selection.after(i, sigma, denoised)
	}
	if r.request.OnStep == nil {
		return nil
	}
	return torch.InScope(func() error {
		return r.request.OnStep(StepInfo{
			Index: i, Count: max(r.plan.steps, i+1), Sigma: sigma, Denoised: r.p.unscale(denoised), Reports: r.current,
		})
	})
}

// notFinite says which of guidance and model to blame; the sampler adds the step's number.
func (r *run) notFinite(sigma float64, x torch.Tensor) error {
	if !x.AllFinite() && len(r.sessions) > 0 && !r.request.Guidance.Measure {
		return fmt.Errorf("at sigma %.4g the guided latent has values that are not finite: lower eta: %w", sigma, ErrNotFinite)
	}
	advice := "lower cfg, or look whether the model is sound"
	if r.p.DType() == torch.Float16 {
		advice = "load the model in float32 or bfloat16"
	}
	return fmt.Errorf("at sigma %.4g the model's prediction has values that are not finite: %s: %w", sigma, advice, ErrNotFinite)
}
