package isac

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Options are everything about guidance that can be chosen. Take Default, Paper or Typed and change what you need: the zero
// value is not valid.
type Options struct {
	// Eta is the step size η, above 0. Its meaning depends on StepRule: the paper's 0.01 is for raw steps on min-maxed maps;
	// relative steps want 0.005 to 0.02, and 0.1 already spoils pictures (docs/evidence.md).
	Eta float64 `json:"eta"`
	// StepRule is how the gradient becomes a step: raw as in Algorithm 1, or relative to the latent's norm.
	StepRule StepRule `json:"step_rule"`
	// SelfNorm is the normalisation of the accumulated self-attention map. It decides the scale of both losses: with row,
	// L_ins is at most 1/4; with minmax, masks are sums over a cluster and the loss may be in the hundreds.
	SelfNorm SelfNorm `json:"self_norm"`
	// CrossNorm is the normalisation of the accumulated cross-attention map, before propagation (7).
	CrossNorm CrossNorm `json:"cross_norm"`
	// UpsampleNorm divides a self-attention map that is upsampled along its keys by δ², so that each of its rows keeps the sum
	// 1. Without it a layer at half the resolution weighs four times as much as its heads say, which is the literal reading.
	UpsampleNorm bool `json:"upsample_norm"`
	// Schedule weighs the two losses over the run: one of the paper's rows A to E (Table 2). E, instances first, is the
	// paper's own.
	Schedule Schedule `json:"schedule"`
	// ScheduleInWindow runs the schedule from its first to its last weight within the guided steps [Start, End) rather than
	// over the whole run. Without it a window that ends at half the run never weighs classes above one half under row E.
	ScheduleInWindow bool `json:"schedule_in_window"`
	// Start and End bound the guided steps as fractions of the run, 0 ≤ Start < End ≤ 1: step i of n is guided if
	// Start·n ≤ i < End·n. The layout is settled in the first steps, so most of the effect is there.
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	// TokenMerge is how a class word of several tokens ("fris", "bee") becomes one column of CA^prop.
	TokenMerge TokenMerge `json:"token_merge"`
	// Overlap is how the overlap of two masks is measured, in both losses.
	Overlap Overlap `json:"overlap"`
	// Clustering is how foreground pixels are divided into instances.
	Clustering Clustering `json:"clustering"`
	// CoordinateWeight multiplies the two coordinate columns, each in [-1,1], that are appended to the features that are
	// clustered (figure 5). 1 is the paper's; 0 clusters by attention alone.
	CoordinateWeight float64 `json:"coordinate_weight"`
	// KMeans says how instances are clustered.
	KMeans KMeansOptions `json:"kmeans"`
	// Direction is which way a step goes: against the gradient, or at random as a control.
	Direction Direction `json:"direction"`
	// DirectionSeed decides the random directions, together with the number of the step: each step has a direction of its
	// own, and the same one in every run.
	DirectionSeed uint64 `json:"direction_seed"`
	// LossScale multiplies the loss before the backward pass and divides the gradient after it, so that single-pixel losses
	// do not vanish in float16. 0 chooses it: 4096 where a tap is float16, else 1.
	LossScale float64 `json:"loss_scale"`
}

// KMeansOptions say how instances are clustered, by K-means and by the K-means within the other clusterings: spectral clustering
// ends with one, a Gaussian mixture starts from one.
type KMeansOptions struct {
	// Seed starts the generator of the k-means++ starts. The same seed gives the same clusters.
	Seed uint64 `json:"seed"`
	// Iterations is the largest number of Lloyd iterations of one start, and of EM iterations of a Gaussian mixture, at least
	// 1. They end earlier when no pixel changes, or the likelihood does not.
	Iterations int `json:"iterations"`
	// Restarts is the number of k-means++ starts where there are no clusters of a step before, at least 1; the tightest wins.
	Restarts int `json:"restarts"`
	// Warm starts each step from the clusters of the step before, so that an instance keeps its number and its place.
	Warm bool `json:"warm"`
}

// Default is the recommended set of options, Typed: what came out best on the prompts that options were chosen on (docs/evidence.md).
func Default() Options { return Typed() }

// Paper is the literal reading of the paper: both maps min-maxed over the whole matrix, upsampled maps not divided by δ², raw
// steps of η = 0.01 at every timestep, schedule E. Products of min-maxed maps are left as they are, which is what gives
// gradients large enough for that η.
func Paper() Options {
	return Options{
		Eta: 0.01, StepRule: StepRaw,
		SelfNorm: SelfMinMax, CrossNorm: CrossMinMax, UpsampleNorm: false,
		Schedule: ScheduleE, Start: 0, End: 1,
		TokenMerge: MergeMean, Overlap: OverlapMPO,
		Clustering: ClusterKMeans, CoordinateWeight: 1,
		KMeans:    KMeansOptions{Iterations: 25, Restarts: 4, Warm: true},
		Direction: DirectionGradient,
	}
}

// Typed is the reading in which every map has the type that the paper's text gives it: self-attention row-stochastic, so that
// soft masks are in [0,1]; class columns min-maxed. Gradients are then small, so steps are relative to the latent's norm, and
// they are taken in the first half of the run: later ones cost as much and changed nothing that could be measured.
func Typed() Options {
	o := Paper()
	o.Eta, o.StepRule = 0.01, StepRelative
	o.SelfNorm, o.CrossNorm, o.UpsampleNorm = SelfRow, CrossMinMaxClasses, true
	o.End = 0.5
	return o
}

// Preset gives the options called name: "paper", "typed", or "default" or "" for Default.
func Preset(name string) (Options, error) {
	switch strings.ToLower(name) {
	case "paper":
		return Paper(), nil
	case "typed":
		return Typed(), nil
	case "default", "":
		return Default(), nil
	}
	return Options{}, fmt.Errorf("isac: no preset is called %q: use %s", name, strings.Join(PresetNames(), " or "))
}

// PresetNames lists the names that Preset knows, the recommended one first.
func PresetNames() []string { return []string{"typed", "paper"} }

// Validate reports every option that is out of range, all at once.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("isac: "+format, args...)) }
	if !(o.Eta > 0) || math.IsInf(o.Eta, 0) {
		bad("step size eta is %v, it must be a number above 0", o.Eta)
	}
	oneOf(bad, "step rule", o.StepRule, StepRaw, StepRelative)
	oneOf(bad, "self-attention normalisation", o.SelfNorm, SelfRow, SelfMinMax)
	oneOf(bad, "cross-attention normalisation", o.CrossNorm, CrossMinMax, CrossMinMaxClasses, CrossMinMaxEach, CrossNone, CrossSoftmax)
	oneOf(bad, "schedule", o.Schedule, Schedules()...)
	oneOf(bad, "token merge", o.TokenMerge, MergeMean, MergeMax)
	oneOf(bad, "overlap", o.Overlap, OverlapMPO, OverlapMAE, OverlapKL, OverlapIoU)
	oneOf(bad, "clustering", o.Clustering, ClusterKMeans, ClusterSpectral, ClusterGMM)
	oneOf(bad, "direction", o.Direction, DirectionGradient, DirectionRandom)
	if !(o.Start >= 0 && o.Start < o.End && o.End <= 1) {
		bad("the window of steps is %v to %v, it must be two fractions of the run with 0 <= start < end <= 1", o.Start, o.End)
	}
	if !(o.CoordinateWeight >= 0) || math.IsInf(o.CoordinateWeight, 0) {
		bad("coordinate weight is %v, it must be a number of at least 0", o.CoordinateWeight)
	}
	if o.KMeans.Iterations < 1 {
		bad("k-means iterations are %d, at least 1 is needed", o.KMeans.Iterations)
	}
	if o.KMeans.Restarts < 1 {
		bad("k-means restarts are %d, at least 1 is needed", o.KMeans.Restarts)
	}
	if !(o.LossScale >= 0) || math.IsInf(o.LossScale, 0) {
		bad("loss scale is %v, it must be a number above 0, or 0 to have it chosen", o.LossScale)
	}
	return errors.Join(errs...)
}

// oneOf reports a value that is none of the allowed ones.
func oneOf[T ~string](bad func(string, ...any), what string, got T, allowed ...T) {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if got == a {
			return
		}
		names[i] = string(a)
	}
	bad("%s is %q, it must be one of %s", what, string(got), strings.Join(names, ", "))
}
