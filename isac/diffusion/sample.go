package diffusion

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// ErrNotFinite says that sampling came to NaN or infinite values. The message tells at which step, and what to do.
var ErrNotFinite = errors.New("not finite")

// Sample makes latents [B,C,h,w], unscaled, float32, on the CPU and kept, for DecodeLatent. With guidance it also gives a report for
// each step and image, [step][image]. The same request gives the same bytes on the CPU.
//
// Before anything is allocated the memory that the run needs is compared with what there is: too much is a *MemoryError. Only the
// latents of a batch are there all at once: the model evaluates as many images together as there is room for, on the CPU one.
//
// A context that is done ends the run within one evaluation of the model, with its error. A latent that is no longer finite ends it
// with an error that names the step.
func (p *Pipeline) Sample(ctx context.Context, r SampleRequest) (torch.Tensor, [][]guidance.Report, error) {
	pl, err := p.plan(&r)
	if err != nil {
		return torch.Tensor{}, nil, fmt.Errorf("sample: %w", err)
	}
	sample := p.sample
	if g := r.Guidance; g != nil && g.Candidates > 1 && len(g.Target.Classes) > 0 {
		sample = p.best
	}
	latent, reports, err := sample(ctx, &r, pl)
	if err != nil {
		return torch.Tensor{}, nil, fmt.Errorf("sample: %w", err)
	}
	return latent, reports, nil
}

// sample makes one run of a request that was checked.
func (p *Pipeline) sample(ctx context.Context, r *SampleRequest, pl plan) (latent torch.Tensor, reports [][]guidance.Report, err error) {
	err = torch.InScope(func() error {
		run := &run{p: p, ctx: ctx, request: r, plan: pl}
		defer run.close()
		var err error
		torch.NoGrad(func() { err = run.start(&latent) })
		reports = run.reports
		return err
	})
	return latent, reports, err
}

// run is one sampling run while it lasts.
type run struct {
	p       *Pipeline
	ctx     context.Context // a run is one call: it ends with the context that it was called with
	request *SampleRequest
	plan    plan

	denoise  denoiser
	sessions []*guidance.Session // one for each image, none without guidance
	inpaint  *inpaint            // nil without a mask
	noise    *torch.Generator    // of ancestral samplers, nil until asked for
	path     *sampling.Path      // of samplers with a Brownian path, nil until asked for
	sigma    float64             // of this step
	controls []applied           // that are ready
	current  []guidance.Report   // of this step
	reports  [][]guidance.Report
}

// begin opens a guidance session for each image.
func (r *run) begin() error {
	g := r.request.Guidance
	if g == nil {
		return nil
	}
	conditional := conditional{ctx: context.Background(), p: r.p, c: r.request.guided()}
	controls := r.p.controls(conditional.c, r.plan.shape[2], r.plan.shape[3], nil)
	r.controls = controls
	for b := range int(r.plan.shape[0]) {
		if len(controls) > 0 {
			conditional.run = &controlledRun{controls: controls, image: int64(b), sigma: &r.sigma}
		}
		config := guidance.Config{
			Model: conditional, Noise: r.p.noise, Method: g.Method, Target: g.Target, Measure: g.Measure, Seed: r.request.Seed + uint64(r.request.noiseOf(b)),
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

// noiseOf is which noise of the batch an image starts from.
func (r *SampleRequest) noiseOf(image int) int {
	if r.BatchIndex != nil {
		return r.BatchIndex[image]
	}
	return image
}

// start runs all steps and keeps the result.
func (r *run) start(latent *torch.Tensor) error {
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
	*latent = r.p.unscale(x).ToDevice(torch.CPU).Contiguous().Keep()
	return nil
}

// model is the denoiser, which leaves alone what a mask does.
func (r *run) model(x torch.Tensor, sigma float64) (torch.Tensor, error) {
	d, err := r.denoise.at(r.inpaint.before(x, sigma), sigma)
	if err != nil {
		return d, err
	}
	return r.inpaint.after(d), nil
}

// both is model with D_negative beside it, which a mask does not touch, as in ComfyUI.
func (r *run) both(x torch.Tensor, sigma float64) (denoised, negative torch.Tensor, err error) {
	if denoised, negative, err = r.denoise.both(r.inpaint.before(x, sigma), sigma); err != nil {
		return denoised, negative, err
	}
	return r.inpaint.after(denoised), negative, nil
}

// close frees what the run holds beside tensors.
func (r *run) close() {
	if r.noise != nil {
		r.noise.Close()
	}
	for _, s := range r.sessions {
		s.Close()
	}
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
		noise, err = r.eachImage(noise, func(s *guidance.Session, image torch.Tensor) (torch.Tensor, bool, error) {
			return s.Prepare(image, r.step(0, r.plan.sigmas[0]))
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
		start = r.p.scale(start.To(torch.Float32).ToDevice(r.p.device))
	}
	r.inpaint = r.newInpaint(start, noise)
	return r.p.noise.Noised(start, noise, r.plan.sigmas[0]), nil
}

// unitNoise is the noise of the whole batch, [B,C,h,w]: the request's own, none, or its seed's.
func (r *run) unitNoise() torch.Tensor {
	shape := r.plan.shape
	switch {
	case r.request.NoNoise:
		return torch.Zeros(shape, torch.Float32, torch.CPU)
	case r.request.Noise.Defined():
		return r.request.Noise.To(torch.Float32)
	}
	g := torch.NewGenerator(r.request.Seed)
	defer g.Close()
	if r.request.BatchIndex == nil {
		return g.Randn(shape...)
	}
	// One after the other, as far as the last that is asked for, so that an image has the noise that it had within its batch.
	one := []int64{1, shape[1], shape[2], shape[3]}
	all := map[int]torch.Tensor{}
	for i := range slices.Max(r.request.BatchIndex) + 1 {
		if noise := g.Randn(one...); slices.Contains(r.request.BatchIndex, i) {
			all[i] = noise
		} else {
			noise.Close()
		}
	}
	picked := make([]torch.Tensor, len(r.request.BatchIndex))
	for i, index := range r.request.BatchIndex {
		picked[i] = all[index]
	}
	return torch.Cat(picked, 0)
}

// ancestral gives the noise that ancestral samplers add, of the shape of like. ComfyUI seeds it with the next number, so that it is not
// the first noise again.
func (r *run) ancestral(_ int, _ float64, like torch.Tensor) torch.Tensor {
	if r.noise == nil {
		r.noise = torch.NewGenerator(r.request.Seed + 1)
	}
	return r.noise.Randn(like.Shape()...).To(like.DType()).ToDevice(like.Device())
}

// brownian gives the noise of the run's Brownian path, of the shape of like. Its seed is the request's, as in ComfyUI.
func (r *run) brownian(_ int, from, to float64, like torch.Tensor) torch.Tensor {
	if r.path == nil {
		r.path = sampling.NewPath(r.request.Seed, r.plan.sigmas, like.Shape())
	}
	return r.path.Noise(from, to).To(like.DType()).ToDevice(like.Device())
}

// eachImage has fn change each image of x [B,C,h,w] with its guidance session, and gives x itself, with the very same bits, where
// no image was changed.
func (r *run) eachImage(x torch.Tensor, fn func(s *guidance.Session, image torch.Tensor) (torch.Tensor, bool, error)) (torch.Tensor, error) {
	images := make([]torch.Tensor, len(r.sessions))
	any := false
	for b, s := range r.sessions {
		images[b] = x.Narrow(0, int64(b), 1)
		image, changed, err := fn(s, images[b])
		if err != nil {
			return x, err
		}
		if changed {
			images[b], any = image, true
		}
	}
	if !any {
		return x, nil
	}
	return torch.Cat(images, 0), nil
}

// before guides the state at the start of a step.
func (r *run) before(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
	if err := r.ctx.Err(); err != nil {
		return x, err
	}
	r.current, r.sigma = nil, sigma
	from := r.inpaint.before(x, sigma)
	guided, err := r.eachImage(from, func(s *guidance.Session, image torch.Tensor) (torch.Tensor, bool, error) {
		guided, report, err := s.Guide(image, r.step(i, sigma))
		r.current = append(r.current, report)
		return guided, report.Moves > 0, err
	})
	if err == nil && len(r.current) > 0 {
		r.reports = append(r.reports, r.current)
	}
	if err != nil || !slices.ContainsFunc(r.current, func(report guidance.Report) bool { return report.Moves > 0 }) {
		return x, err
	}
	return r.inpaint.moved(x, from, guided), nil
}

// after checks the state at the end of a step and tells the caller.
func (r *run) after(i int, sigma float64, x, denoised torch.Tensor) error {
	if !denoised.AllFinite() {
		return r.notFinite(sigma, x)
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
