package diffusion

import (
	"errors"
	"fmt"

	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/memory"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// selection is how candidates are chosen among: the method's own way, or what is asked for beside it.
func (g *Guidance) selection() guidance.Selection {
	if c, ok := g.Method.(guidance.Chooser); ok {
		return c.Choice()
	}
	return g.Select
}

// measures tells whether no latent is moved.
func (g *Guidance) measures() bool {
	_, only := g.Method.(guidance.Chooser)
	return only || g.Measure
}

// checkSelection says what is wrong with what is asked of candidates.
func (r *SampleRequest) checkSelection() error {
	g := r.Guidance
	if g.Method == nil {
		return nil
	}
	_, chooser := g.Method.(guidance.Chooser)
	var errs []error
	switch {
	case chooser && g.Select != guidance.Selection{}:
		errs = append(errs, fmt.Errorf("the method %s has a choice of its own: leave the other out", g.Method.Name()))
	case g.Select != guidance.Selection{}:
		errs = append(errs, guidance.Collect("candidates", g.Select.Check))
	}
	if n := g.selection().Candidates; n > 1 && (r.Noise.Defined() || r.NoNoise) {
		errs = append(errs, fmt.Errorf("%d candidates start from one noise and would be one run: leave the noise out, and give a seed", n))
	}
	return errors.Join(errs...)
}

// choose says, of a request without mistakes, how many candidates are run, and why it is one where several are asked for.
func (r *SampleRequest) choose(pl *plan) error {
	g := r.Guidance
	_, chooser := g.Method.(guidance.Chooser)
	if !chooser && !g.selection().Several() {
		return nil
	}
	if pl.unchosen = g.Target.Reason; len(g.Target.Classes) > 0 {
		guide, err := g.Method.Begin(g.Target)
		if err != nil {
			return err
		}
		pl.unchosen = r.idle(guide, *pl)
	}
	if pl.chooses = pl.unchosen == ""; pl.chooses {
		pl.candidates = max(1, g.selection().Candidates)
	}
	return nil
}

// idle tells why no step of a run has anything to measure, "" if one has.
func (r *SampleRequest) idle(guide guidance.Guide, pl plan) string {
	first, end := r.measured(pl)
	why := "none of the steps of this run is measured"
	for i := first; i < end; i++ {
		at := r.FirstStep + i
		if why = guide.Idle(guidance.Step{Index: at, Count: max(pl.whole, at+1), Sigma: pl.sigmas[min(i, len(pl.sigmas)-1)]}); why == "" {
			return ""
		}
	}
	return why
}

// measured gives the steps [first, end) of a run that its method looks at.
func (r *SampleRequest) measured(pl plan) (first, end int) {
	first, end = r.Guidance.Method.Common().Window(pl.whole)
	within := func(i int) int { return max(0, min(i-r.FirstStep, pl.steps)) }
	return within(first), within(end)
}

// images is B, without candidates.
func (pl plan) images() int { return int(pl.shape[0]) / max(1, pl.candidates) }

// fitCandidates makes room for all candidates of a plan, whose shape is that of one, and says how many images are evaluated at once. On the
// CPU it is as many as of one candidate alone: see selection.parts.
func (p *Pipeline) fitCandidates(r *SampleRequest, pl *plan) (err error) {
	shape := pl.shape
	pl.shape = append([]int64{shape[0] * int64(pl.candidates)}, shape[1:]...)
	need := func(part int64) need { return p.needOfCandidates(r, pl.shape, part).room() }
	if p.device == torch.CPU {
		plain := r.withoutMoves()
		if pl.part, err = p.fit(&plain, shape); err != nil {
			return err
		}
	} else {
		p.clear(p.needOfCandidates(r, pl.shape, pl.shape[0]))
		pl.part = atOnce(pl.shape[0], memory.Of(p.device, p.maxMemory).Device, need)
	}
	return p.check(fmt.Sprintf("%s, %d candidates each", p.imagesOf(shape), pl.candidates), need(pl.part))
}

// withoutMoves is the request, without guidance where that moves nothing.
func (r *SampleRequest) withoutMoves() SampleRequest {
	plain := *r
	if r.Guidance.measures() {
		plain.Guidance = nil
	}
	return plain
}

// needOfCandidates is needOf for all candidates, of which shape is. Where losses are read from the sampler's evaluations there is their
// attention beside, of all layers, and the maps of one image.
func (p *Pipeline) needOfCandidates(r *SampleRequest, shape []int64, part int64) need {
	plain := r.withoutMoves()
	n := p.needOf(&plain, shape, part)
	if plain.Guidance != nil {
		return n
	}
	e := backbone.Evaluation{Batch: part, Height: shape[2], Width: shape[3], Tokens: tokensOf(r), Fused: fused()}
	if r.needsNegative() {
		e.Batch *= 2
	}
	recorded := e
	recorded.Recorded = true
	n.device += p.evaluation(recorded) - p.evaluation(e)
	if p.device == torch.CPU {
		n.host = n.device
	}
	return n
}
