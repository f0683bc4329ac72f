package isac

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// The names of ISAC's losses in reports.
const (
	// LossInstance is L_ins (8), the largest overlap of two instances.
	LossInstance = "instance"
	// LossClass is L_cls (12), the largest overlap of two classes.
	LossClass = "class"
)

// guide is ISAC at work on one run of one image. It keeps the instances of the step before, so that they keep their numbers.
type guide struct {
	target   guidance.Target
	opt      Options
	clusters *cluster.Clusterer
}

// Begin makes ISAC ready for one run towards target. It fails where a class stands at a token that the normalisation leaves out.
func (o Options) Begin(target guidance.Target) (guidance.Guide, error) {
	var errs []error
	if o.CrossNorm == CrossSoftmax {
		for _, c := range target.Classes {
			for _, p := range c.Tokens {
				if p == 0 {
					errs = append(errs, fmt.Errorf("isac: %s: token position 0 is left out by the cross-attention normalisation %s: use another position or normalisation", c.Name, CrossSoftmax))
				}
			}
		}
	}
	return &guide{target: target, opt: o, clusters: &cluster.Clusterer{Kind: o.Clustering, Options: o.KMeans, Weight: o.CoordinateWeight, Norm: o.ClusterNorm}}, errors.Join(errs...)
}

// Idle tells why no loss has weight at a step, "" if some has.
func (g *guide) Idle(step guidance.Step) string {
	instance, _ := g.opt.weights(step)
	switch {
	case g.target.Instances() == 1:
		return "one instance of one class leaves nothing to separate"
	case len(g.target.Classes) == 1 && instance == 0: // L_cls is 0, and it alone has weight
		return fmt.Sprintf("schedule %s gives no weight to any loss at this step, for there is one class: presets typed and paper separate instances", g.opt.Schedule)
	}
	return ""
}

// Resume makes the next step start its clusters from labels on a grid. With Options.KMeans.Warm off it has no effect.
func (g *guide) Resume(labels []int, height, width int) error {
	g.clusters.Resume(labels, cluster.Grid{Height: height, Width: width})
	return nil
}

// read leaves out the taps that the options do not ask for, and says what is missing.
func (g *guide) read(r attention.Reading) (attention.Reading, error) {
	if !g.opt.AuxiliarySelf {
		r = r.Only(func(t attention.Tap) bool { return !t.Auxiliary })
	}
	self, cross := 0, 0
	for _, t := range r.Taps {
		if t.Has(attention.Image) {
			self++
		}
		if t.Has(attention.Text) {
			cross++
		}
	}
	if self == 0 || cross == 0 {
		return r, fmt.Errorf("isac: the model has %d self-attention and %d cross-attention taps: at least one of each is needed", self, cross)
	}
	return r, g.target.CheckTokens(r.Tokens)
}

// Measure computes both losses at a step, as far as they can be.
func (g *guide) Measure(r attention.Reading, step guidance.Step, maps *guidance.Maps) (guidance.Measurement, error) {
	r, err := g.read(r)
	if err != nil {
		return guidance.Measurement{}, err
	}
	found := g.measure(r, maps)
	if found.err != nil {
		return guidance.Measurement{}, found.err
	}
	m := guidance.Measurement{Skipped: found.skipped, Height: r.Top.Height, Width: r.Top.Width, Foreground: len(found.pixels)}
	if m.Skipped != "" {
		return m, nil
	}
	at := cluster.Grid{Height: r.Top.Height, Width: r.Top.Width}
	m.Labels = cluster.Scatter(found.labels, found.pixels, at)
	for _, column := range found.masks {
		all := make([]float32, r.Top.Pixels())
		for f, p := range found.pixels {
			all[p] = column[f]
		}
		m.Masks = append(m.Masks, all)
	}
	m.Terms = g.terms(found.instance, found.class, step)
	return m, nil
}

// terms are the losses that are defined, with their weights at a step.
func (g *guide) terms(instance, class torch.Tensor, step guidance.Step) (terms []guidance.Term) {
	forInstance, forClass := g.opt.weights(step)
	if instance.Defined() {
		terms = append(terms, guidance.Term{Name: LossInstance, Weight: forInstance, Value: instance})
	}
	if class.Defined() {
		terms = append(terms, guidance.Term{Name: LossClass, Weight: forClass, Value: class})
	}
	return terms
}

// Score is the sum of the losses of a run, by which ISAC selects a latent (ISAC_LS): the lower, the less overlap there was.
func (g *guide) Score(reports []guidance.Report) float64 {
	sum := 0.0
	for _, r := range reports {
		sum += r.Loss
	}
	return sum
}
