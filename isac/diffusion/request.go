package diffusion

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// SampleRequest is one sampling run. The fields are those of ComfyUI's KSampler, with its meaning.
type SampleRequest struct {
	// Positive is what the image shall show. Guidance reads it alone.
	Positive Conditioning
	// Negative is what the image shall not show, usually the empty prompt. It is not needed where CFG is 1 and
	// the sampler does without (sampling.NeedsNegative).
	Negative Conditioning
	// Width and Height of the image in pixels, multiples of Pipeline.Factor. Not needed where Latent is given.
	Width, Height int
	// Latent is where to start, [B,C,h,w] unscaled; all zeros, or none with Width and Height, for an image from nothing.
	Latent torch.Tensor
	// Batch is the number of images, 1 if 0. Where Latent is given it has to be 0 or Latent's own.
	Batch int
	// Steps is the number of sampling steps. The scheduler "ddim_uniform" makes one more where Steps does not divide 1000, and "beta"
	// fewer where it would take a timestep twice; the sampler "dpm_fast" makes about a third, with as many evaluations, and
	// "dpm_adaptive" as many as it needs.
	Steps int
	// CFG is the scale of classifier-free guidance. 1 is none, and halves the cost.
	CFG float64
	// Sampler and Scheduler are names of package sampling: "euler", "ddim", …; "normal", "karras", ….
	Sampler, Scheduler string
	// Seed decides the noise, which is made on the CPU for the whole batch at once, as ComfyUI does it.
	Seed uint64
	// Noise is unit noise [B,C,h,w] to start from in the place of Seed's; undefined for Seed's own.
	Noise torch.Tensor
	// Denoise is how much of the way from noise to image is gone: 1 all of it, less to keep something of Latent. Above 0, at most 1.
	Denoise float64
	// Mask says where Latent is sampled anew, [M,H,W] in 0..1 at any size: 1 is new, 0 stays as it is. It is resized, and repeated or cut
	// to the batch. Undefined for everywhere. What guidance moves is multiplied with it too.
	Mask torch.Tensor
	// BatchIndex, where it is not nil, has for each image which one of a batch's noises it starts from.
	BatchIndex []int
	// FirstStep is where the run begins in its schedule, LastStep before which step it ends; 0 is the schedule's end. A run that ends early
	// leaves the noise of that step in the latents, unless TakeRest has its last step take all of it out.
	FirstStep, LastStep int
	TakeRest            bool
	// NoNoise starts from Latent as it is: another run left its noise there.
	NoNoise bool
	// Decode says that the latents will be decoded: memory for that is asked for before sampling too.
	Decode bool
	// Guidance turns a guidance method on. nil is plain sampling.
	Guidance *Guidance
	// OnStep, if not nil, is called after every step. Its error ends the run.
	OnStep func(StepInfo) error
}

// Guidance is what a method is to do in a run.
type Guidance struct {
	// Method is what guides, with its options.
	Method guidance.Method
	// Target is what it aims at.
	Target guidance.Target
	// Measure has every step looked at and none moved: see guidance.Config.
	Measure bool
	// Select has several runs made of each image, with the seeds Seed, Seed+1, …, each guided (or measured) by Method, and the one
	// kept that the method judges best. The zero value makes one. The method has to be able to judge runs (guidance.Selector). A
	// method that is a guidance.Chooser has a selection of its own.
	Select guidance.Selection
	// OnCandidate, if not nil, is told of each candidate of an image, both counted from 0, when it ends: its latent [1,C,h,w], unscaled,
	// freed after the call. Of one that was dropped that is what the model believed the image to be by then. Its error ends the run.
	OnCandidate func(image, candidate int, latent torch.Tensor) error
	// Observe, if not nil, is called for every image at each step with all that guidance saw: see guidance.Config. image counts
	// from 0; of several candidates those of the second follow on those of the first.
	Observe func(image int, m guidance.Maps)
	// ObserveSelf, if not nil, tells at which steps Observe wants self-attention too: see guidance.Config.
	ObserveSelf func(guidance.Step) bool
}

// StepInfo tells about a step that has been taken.
type StepInfo struct {
	// Index counts from 0; Count is the number of steps of the run.
	Index, Count int
	// Sigma is the noise level that the step started from.
	Sigma float64
	// Denoised is what the model believes the image to be, [B,C,h,w] unscaled, as DecodeLatent takes it. It is freed after OnStep.
	Denoised torch.Tensor
	// Reports has the guided step of each image; none without guidance. Where candidates are chosen among, an image is the
	// candidate that is best so far, here and in Denoised.
	Reports []guidance.Report
	// Candidates is how many candidates of an image took the step; 0 where none are chosen among.
	Candidates int
}

// plan is a request that was checked: everything that sampling needs beside tensors.
type plan struct {
	sampler sampling.Sampler
	sigmas  []float64 // from noise to 0
	steps   int       // that the sampler will take over them; of dpm_adaptive, which cannot tell, those of the schedule
	whole   int       // steps of the whole schedule, of which the run may take a part
	shape   []int64   // of the latent
	part    int64     // images that the model evaluates at once

	candidates int    // runs of each image, one behind the other in shape; 1 where nothing is chosen
	chooses    bool   // candidates are judged
	unchosen   string // why they are not, where they were to be
	together   bool   // rows of several candidates are evaluated at once on the CPU too
}

// plan checks a request. All mistakes are reported together; only of a request without any it is asked whether there is memory for it.
func (p *Pipeline) plan(r *SampleRequest) (plan, error) {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	pl := plan{candidates: 1}
	pl.shape = p.latentShape(r, bad)

	if r.Noise.Defined() && !slices.Equal(r.Noise.Shape(), pl.shape) {
		bad("the noise has shape %v, the latents have %v", r.Noise.Shape(), pl.shape)
	}
	p.checkConditioning("positive", r.Positive, bad)
	if r.needsNegative() {
		p.checkConditioning("negative", r.Negative, bad)
	}
	if math.IsNaN(r.CFG) || math.IsInf(r.CFG, 0) {
		bad("cfg is %v, expected a number such as 7.5", r.CFG)
	}
	var err error
	if pl.sampler, err = sampling.Named(r.Sampler, p.noise); err != nil {
		errs = append(errs, err)
	}
	if pl.sigmas, err = sampling.ScheduleFor(r.Sampler, r.Scheduler, p.noise, r.Steps, r.Denoise); err != nil {
		errs = append(errs, err)
	} else {
		pl.whole = sampling.Steps(r.Sampler, pl.sigmas)
		if pl.sigmas, err = r.stretch(pl.sigmas); err != nil {
			errs = append(errs, err)
		}
		pl.steps = sampling.Steps(r.Sampler, pl.sigmas)
	}
	p.checkExtras(r, pl.shape, bad)
	if g := r.Guidance; g != nil {
		errs = append(errs, g.check(), r.checkSelection(), sampling.Guidable(r.Sampler), r.checkReuse())
		if h := r.guided().Hidden; h.Defined() && h.Dim() == 3 {
			errs = append(errs, g.Target.CheckTokens(int(h.Size(1))))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return pl, err
	}
	if r.Guidance != nil {
		if err := r.choose(&pl); err != nil {
			return pl, err
		}
	}
	if pl.chooses {
		return pl, p.fitCandidates(r, &pl)
	}
	pl.part, err = p.fit(r, pl.shape)
	return pl, err
}

// needsNegative tells whether the model is asked about the negative conditioning.
func (r *SampleRequest) needsNegative() bool { return r.CFG != 1 || sampling.NeedsNegative(r.Sampler) }

// latentShape gives [B,C,h,w].
func (p *Pipeline) latentShape(r *SampleRequest, bad func(string, ...any)) []int64 {
	f, channels := p.Factor(), int64(p.LatentChannels())
	if r.Batch < 0 {
		bad("batch is %d, expected at least 1", r.Batch)
	}
	batch := int64(max(r.Batch, 1))
	if r.Latent.Defined() {
		s := r.Latent.Shape()
		switch {
		case len(s) != 4 || s[1] != channels || slices.Contains(s, 0):
			bad("the latent has shape %v, expected [B %d h w] for this model", s, channels)
		case r.Batch != 0 && s[0] != batch:
			bad("the latent has %d images and batch is %d: leave batch at 0", s[0], r.Batch)
		case r.Width != 0 && int64(r.Width) != s[3]*int64(f) || r.Height != 0 && int64(r.Height) != s[2]*int64(f):
			bad("the latent is for %d×%d pixels and %d×%d are asked for: leave width and height at 0", s[3]*int64(f), s[2]*int64(f), r.Width, r.Height)
		}
		return s
	}
	for _, side := range []struct {
		name string
		n    int
	}{{"width", r.Width}, {"height", r.Height}} {
		switch {
		case side.n < f:
			bad("%s is %d pixels, expected at least %d", side.name, side.n, f)
		case side.n%f != 0:
			bad("%s is %d pixels, expected a multiple of %d: %d or %d", side.name, side.n, f, side.n/f*f, side.n/f*f+f)
		}
	}
	return []int64{batch, channels, int64(r.Height / f), int64(r.Width / f)}
}

func (p *Pipeline) checkConditioning(name string, c Conditioning, bad func(string, ...any)) {
	if !c.plain() {
		for _, one := range c.all() {
			if err := one.Region.check(); err != nil {
				bad("the %s conditioning: %w", name, err)
			}
			if err := p.checkControls(one); err != nil {
				bad("the %s conditioning: %w", name, err)
			}
			one.Region, one.Controls = nil, nil
			p.checkConditioning(name, one, bad)
		}
		return
	}
	width := p.model.Shape.Context
	switch h := c.Hidden; {
	case !h.Defined():
		bad("no %s conditioning: make one with EncodePrompt (the empty prompt will do)", name)
	case h.Dim() != 3 || h.Size(0) != 1 || width != 0 && h.Size(2) != width && !(p.model.Family.Pads && h.Size(2) < width):
		bad("the %s conditioning has shape %v, expected [1 L %d]: was it made by another model? %s", name, h.Shape(), width, p.misfit(h))
	case p.model.Shape.Vector != 0 && (!c.Pooled.Defined() || c.Pooled.Dim() != 2):
		bad("the %s conditioning has no pooled text [1 P], which %s reads: make it with EncodePrompt", name, p.model.Family.Title)
	case p.model.Family.Pads && c.Pooled.Size(1) != p.model.Shape.Vector:
		bad("the pooled text of the %s conditioning has width %d, expected %d: was it made by another model? %s", name, c.Pooled.Size(1), p.model.Shape.Vector, p.misfit(h))
	}
}

// makers are the models whose text encoders make states of a width.
var makers = map[int64]string{768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL", 4096: "Stable Diffusion 3"}

// misfit says in words what model a conditioning is of, and what the pipeline's is.
func (p *Pipeline) misfit(hidden torch.Tensor) string {
	if hidden.Dim() != 3 {
		return ""
	}
	made := makers[hidden.Size(2)]
	if made == "" {
		made = fmt.Sprintf("a model of width %d", hidden.Size(2))
	}
	return fmt.Sprintf("it is of a CLIP of %s and the model is %s: take the CLIP that belongs to the model", made, p.model.Family.Title)
}

// check says what is wrong with what is asked of guidance.
func (g *Guidance) check() error {
	if g.Method == nil {
		return errors.New("guidance has no method")
	}
	return errors.Join(g.Target.Validate(), g.Method.Validate())
}
