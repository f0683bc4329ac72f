package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/torch"
)

// ErrNotFinite says that sampling came to NaN or infinite values. The message tells at which step, and what to do.
var ErrNotFinite = errors.New("not finite")

// Sample makes latents [B,C,h,w], unscaled, float32, on the CPU and kept, for DecodeLatent. With guidance it also gives a report for each
// step and image, steps first. The same request gives the same bytes on the CPU.
//
// A context that is done ends the run within one evaluation of the model, with its error. A latent that is no longer finite ends it
// with an error that names the step.
func (p *Pipeline) Sample(ctx context.Context, r SampleRequest) (torch.Tensor, []isac.Report, error) {
	pl, err := p.plan(&r)
	if err != nil {
		return torch.Tensor{}, nil, fmt.Errorf("sample: %w", err)
	}
	var latent torch.Tensor
	var reports []isac.Report
	err = torch.InScope(func() error {
		run := &run{p: p, ctx: ctx, request: &r, plan: pl}
		defer run.close()
		var err error
		torch.NoGrad(func() { err = run.start(&latent) })
		reports = run.reports
		return err
	})
	if err != nil {
		return torch.Tensor{}, nil, fmt.Errorf("sample: %w", err)
	}
	return latent, reports, nil
}

// run is one sampling run while it lasts.
type run struct {
	p       *Pipeline
	ctx     context.Context // a run is one call: it ends with the context that it was called with
	request *SampleRequest
	plan    plan

	denoise denoiser
	guides  []*isac.Session  // one for each image, none without guidance
	lookers []*isac.Session  // look at the steps that guides leave out, for an observer; a session each, so that guidance is the same
	noise   *torch.Generator // of ancestral samplers, nil until asked for
	current []isac.Report    // of this step
	reports []isac.Report
}

// begin opens a guidance session for each image.
func (r *run) begin() error {
	if g := r.request.Guidance; g != nil {
		model := r.p.Conditional(r.request.Positive)
		for b := range int(r.plan.shape[0]) {
			opt := g.Options
			opt.DirectionSeed += r.request.Seed + uint64(b)
			s, err := isac.NewSession(model, g.Target, opt)
			if err != nil {
				return err
			}
			r.guides = append(r.guides, s)
			if g.Observe != nil {
				looker, err := isac.NewSession(model, g.Target, opt)
				if err != nil {
					return err
				}
				observe := func(m isac.Maps) { g.Observe(b, m) }
				s.Observe(observe)
				looker.Observe(observe)
				r.lookers = append(r.lookers, looker)
			}
		}
	}
	return nil
}

// start runs all steps and keeps the result.
func (r *run) start(latent *torch.Tensor) error {
	if err := r.begin(); err != nil {
		return err
	}
	r.denoise = newDenoiser(r)
	x, err := r.plan.sampler(r.denoise.at, r.noised(), r.plan.sigmas, sampling.Hooks{
		BeforeStep: r.before, AfterStep: r.after, Noise: r.ancestral,
	})
	if err != nil {
		return err
	}
	if !x.AllFinite() {
		return fmt.Errorf("after the last step: %w", ErrNotFinite)
	}
	*latent = r.p.unscale(x).ToDevice(torch.CPU).Contiguous().Keep()
	return nil
}

// close frees what the run holds beside tensors.
func (r *run) close() {
	if r.noise != nil {
		r.noise.Close()
	}
	for _, g := range append(r.guides, r.lookers...) {
		g.Close()
	}
}

// noised gives the latent that sampling starts from, x [B,C,h,w].
func (r *run) noised() torch.Tensor {
	g := torch.NewGenerator(r.request.Seed)
	defer g.Close()
	noise := g.Randn(r.plan.shape...).ToDevice(r.p.device)
	start := r.request.Latent
	if start.Defined() {
		start = r.p.scale(start.To(torch.Float32).ToDevice(r.p.device))
	}
	return r.p.schedule.Noised(start, noise, r.plan.sigmas[0])
}

// ancestral gives the noise that ancestral samplers add, of the shape of like. ComfyUI seeds it with the next number, so that it is not
// the first noise again.
func (r *run) ancestral(_ int, _ float64, like torch.Tensor) torch.Tensor {
	if r.noise == nil {
		r.noise = torch.NewGenerator(r.request.Seed + 1)
	}
	return r.noise.Randn(like.Shape()...).To(like.DType()).ToDevice(like.Device())
}

// before guides the state at the start of a step.
func (r *run) before(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
	r.current = nil
	if err := r.ctx.Err(); err != nil {
		return x, err
	}
	if len(r.guides) == 0 {
		return x, nil
	}
	x, err := r.guide(i, sigma, x)
	if err != nil {
		return x, err
	}
	r.reports = append(r.reports, r.current...)
	return x, nil
}

// guide takes one guided step on each image: x to X_t, step there, and back. The gradient's scale is X_t's.
func (r *run) guide(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
	scale := math.Sqrt(1 + sigma*sigma)
	step := isac.Step{Index: i, Count: len(r.plan.sigmas) - 1, Timestep: r.p.schedule.Timestep(sigma)}
	images := make([]torch.Tensor, len(r.guides))
	moved := false
	for b, session := range r.guides {
		images[b] = x.Narrow(0, int64(b), 1)
		at := images[b].DivScalar(scale)
		if r.request.Guidance.Measure {
			report, err := session.Measure(at, step)
			if err != nil {
				return x, err
			}
			r.current = append(r.current, report)
			continue
		}
		guided, report, err := session.Guide(at, step)
		if err != nil {
			return x, err
		}
		if len(r.lookers) > 0 {
			if report, err = r.look(r.lookers[b], at, report); err != nil {
				return x, err
			}
		}
		r.current = append(r.current, report)
		if report.Skipped == "" { // a step that was skipped leaves the very same bits
			images[b], moved = guided.MulScalar(scale), true
		}
	}
	if !moved {
		return x, nil
	}
	return torch.Cat(images, 0), nil
}

// look measures a step that guidance left out without a look at the model, and hands clusters on where it did look. The report says
// why the step was skipped, as before.
func (r *run) look(looker *isac.Session, at torch.Tensor, report isac.Report) (isac.Report, error) {
	if report.Height > 0 || report.Skipped == "" {
		if len(report.Labels) > 0 {
			return report, looker.Resume(report.Labels, report.Height, report.Width)
		}
		return report, nil
	}
	seen, err := looker.Measure(at, report.Step)
	if seen.Skipped == "" {
		seen.Skipped = report.Skipped
	}
	return seen, err
}

// after checks the state at the end of a step and tells the caller.
func (r *run) after(i int, sigma float64, x, denoised torch.Tensor) error {
	count := len(r.plan.sigmas) - 1
	if !denoised.AllFinite() {
		return r.notFinite(sigma, x)
	}
	if r.request.OnStep == nil {
		return nil
	}
	return torch.InScope(func() error {
		info := StepInfo{Index: i, Count: count, Sigma: sigma, Denoised: r.p.unscale(denoised), Reports: r.current}
		if len(r.current) > 0 {
			info.Report = &r.current[0]
		}
		return r.request.OnStep(info)
	})
}

// notFinite says which of guidance and model to blame; the sampler adds the step's number.
func (r *run) notFinite(sigma float64, x torch.Tensor) error {
	if !x.AllFinite() && len(r.guides) > 0 && !r.request.Guidance.Measure {
		return fmt.Errorf("at sigma %.4g the guided latent has values that are not finite: lower eta: %w", sigma, ErrNotFinite)
	}
	advice := "lower cfg, or look whether the model is sound"
	if r.p.unet.DType() == torch.Float16 {
		advice = "load the model in float32 or bfloat16"
	}
	return fmt.Errorf("at sigma %.4g the model's prediction has values that are not finite: %s: %w", sigma, advice, ErrNotFinite)
}

// scale maps the autoencoder's latents to the UNet's; unscale is its inverse.
func (p *Pipeline) scale(z torch.Tensor) torch.Tensor {
	return z.SubScalar(p.vae.Config.Shift).MulScalar(p.vae.Config.Scaling)
}

func (p *Pipeline) unscale(x torch.Tensor) torch.Tensor {
	return x.DivScalar(p.vae.Config.Scaling).AddScalar(p.vae.Config.Shift)
}
