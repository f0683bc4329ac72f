package isac

import (
	"fmt"
	"math"
	"strings"

	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
)

// Options are everything about ISAC that can be chosen. Take Default, Typed or Paper and change what you need: the zero value is
// not valid. They are a guidance.Method.
type Options struct {
	// Options are those of every method. The paper's η of 0.01 is for raw steps on min-maxed maps; relative steps want 0.005 to
	// 0.02, and 0.1 already spoils pictures (docs/evidence.md).
	guidance.Options
	// SelfNorm is the normalisation of the accumulated self-attention map. It decides the scale of both losses: with row,
	// L_ins is at most 1/4; with minmax, masks are sums over a cluster and the loss may be in the hundreds.
	SelfNorm SelfNorm `json:"self_norm" choices:"row,minmax" help:"Normalisation of self-attention: rows that sum to 1, or min-max over the matrix."`
	// CrossNorm is the normalisation of the accumulated cross-attention map, before propagation (7).
	CrossNorm CrossNorm `json:"cross_norm" choices:"minmax-classes,minmax-each,minmax,none,softmax100" help:"Normalisation of cross-attention: min-max over the class tokens together or each on its own, over all tokens, none, or softmax over tokens."`
	// UpsampleNorm divides a self-attention map that is upsampled along its keys by δ², so that each of its rows keeps the sum
	// 1. Without it a layer at half the resolution weighs four times as much as its heads say, which is the literal reading.
	UpsampleNorm bool `json:"upsample_norm" help:"Whether coarse self-attention keeps its row sums when it is scaled up."`
	// Schedule weighs the two losses over the run: one of the paper's rows A to E (Table 2). E, instances first, is the
	// paper's own.
	Schedule Schedule `json:"schedule" choices:"A,B,C,D,E" help:"How instances and classes are weighed: A instances only, B classes only, C both alike, D classes first, E instances first. Relative steps go as far whatever the weights are: where one loss alone has weight, A, C and E are the same."`
	// ScheduleInWindow runs the schedule from its first to its last weight within the guided steps [Start, End) rather than
	// over the whole run. Without it a window that ends at half the run never weighs classes above one half under row E.
	ScheduleInWindow bool `json:"schedule_in_window" help:"Runs the schedule within the guided steps instead of the whole run."`
	// NoPropagation leaves class propagation (7) out, an ablation of the paper's (figure 7): CA's own columns stand in the place of CA^prop
	// in the foreground (9) and in L_cls (12). Classes then have no effect on self-attention.
	NoPropagation bool `json:"no_propagation" help:"Leaves out class propagation: classes and foreground are read from cross-attention as it is, and not as self-attention spreads it. An ablation of the paper's."`
	// TokenMerge is how a class word of several tokens ("fris", "bee") becomes one column of CA^prop.
	TokenMerge TokenMerge `json:"token_merge" choices:"mean,max" help:"How a class word of several tokens becomes one map."`
	// Overlap is how the overlap of two masks is measured, in both losses.
	Overlap Overlap `json:"overlap" choices:"mpo,mae,kl,iou" help:"How overlap is measured: by the one pixel where it is largest (mpo), or over whole masks."`
	// Clustering is how foreground pixels are divided into instances.
	Clustering cluster.Kind `json:"clustering" choices:"kmeans,spectral,gmm" help:"How pixels are grouped into instances."`
	// CoordinateWeight multiplies the two coordinate columns, each in [-1,1], that are appended to the features that are
	// clustered (figure 5). 1 is the paper's; 0 clusters by attention alone.
	CoordinateWeight float64 `json:"coordinate_weight" step:"0.05" help:"How much a pixel's place counts beside its attention when pixels are grouped into instances."`
	// ClusterNorm scales the rows of self-attention that are clustered, beside the coordinates: min-max over SA[I,I], or none, which is
	// for a min-maxed SA.
	ClusterNorm cluster.Norm `json:"cluster_norm" choices:"minmax,none" help:"How self-attention is scaled beside a pixel's place when pixels are grouped into instances: min-max over the foreground, or not."`
	// KMeans says how instances are clustered.
	KMeans cluster.Options `json:"kmeans"`
	// Engine is how the gradient is taken. It changes its cost, and nothing else but the last bits.
	Engine Engine `json:"engine" choices:"auto,dense,sparse" help:"How the gradient is taken: sparse reads the pixels that the losses depend on and costs little, dense keeps whole maps; both give the same. Overlaps other than mpo read whole maps, so they need dense; auto chooses."`
	// RenormaliseJoint makes the image keys and the text keys of a joint softmax (MMDiT) a softmax each, in the place of two slices
	// of one: the text's share of the attention then no longer matters. Models with layers of their own for each have no use for it.
	RenormaliseJoint bool `json:"renormalise_joint" help:"In models with one softmax over image and text (SD3): a softmax for each, in the place of two slices of one."`
	// Depth reads only the first of the model's attention layers, in their order, up to this fraction of them; 0 and 1 read all. The guided
	// evaluation ends behind the last that is read, and its gradient begins there: what is saved of both is what lies behind. Of a UNet
	// about the first half is the way down.
	Depth float64 `json:"depth" max:"1" step:"0.05" help:"Reads only the first of the model's attention layers, up to this fraction of them, and evaluates no more of it for guidance: cheaper, and other maps. 0 and 1 read all."`
	// AuxiliarySelf reads the self-attention beside the joint one as well (SD3.5's attn2).
	AuxiliarySelf bool `json:"auxiliary_self" help:"Reads SD3.5's second self-attention as well."`
}

// Name is "isac".
func (Options) Name() string { return "isac" }

var _ guidance.Method = Options{}

// Default is the recommended set of options, Classes: what came out best on the prompts that options were chosen on (docs/evidence.md).
func Default() Options { return Classes() }

// Classes is Typed with schedule B: classes are pulled apart and instances left alone. It does nothing for a prompt of one class.
func Classes() Options {
	o := Typed()
	o.Schedule = ScheduleB
	return o
}

// Paper is the literal reading of the paper: both maps min-maxed over the whole matrix, upsampled maps not divided by δ², raw
// steps of η = 0.01 at every timestep, schedule E. Products of min-maxed maps are left as they are, which is what gives
// gradients large enough for that η.
func Paper() Options {
	return Options{
		Options:  guidance.Options{Eta: 0.01, StepRule: guidance.StepRaw, Start: 0, End: 1, Direction: guidance.DirectionGradient},
		SelfNorm: SelfMinMax, CrossNorm: CrossMinMax, UpsampleNorm: false,
		Schedule: ScheduleE, TokenMerge: MergeMean, Overlap: OverlapMPO,
		Clustering: cluster.KMeans, CoordinateWeight: 1, ClusterNorm: cluster.NormNone, Engine: EngineAuto,
		KMeans: cluster.Options{Iterations: 25, Restarts: 60, Warm: true},
	}
}

// Typed is the reading in which every map has the type that the paper's text gives it: self-attention row-stochastic, so that
// soft masks are in [0,1]; class columns min-maxed. Gradients are then small, so steps are relative to the latent's norm, and
// they are taken in the first half of the run: later ones cost as much and changed nothing that could be measured.
func Typed() Options {
	o := Paper()
	o.Eta, o.StepRule = 0.01, guidance.StepRelative
	o.SelfNorm, o.CrossNorm, o.UpsampleNorm, o.ClusterNorm = SelfRow, CrossMinMaxClasses, true, cluster.NormMinMax
	o.End = 0.5
	return o
}

// Preset gives the options called name: "classes", "typed", "paper", or "default" or "" for Default.
func Preset(name string) (Options, error) {
	switch strings.ToLower(name) {
	case "classes":
		return Classes(), nil
	case "paper":
		return Paper(), nil
	case "typed":
		return Typed(), nil
	case "default", "":
		return Default(), nil
	}
	return Options{}, fmt.Errorf("isac: no preset is called %q: use %s", name, strings.Join(PresetNames(), ", "))
}

// PresetNames lists the names that Preset knows, the recommended one first.
func PresetNames() []string { return []string{"classes", "typed", "paper"} }

// Validate reports every option that is out of range, all at once.
func (o Options) Validate() error {
	return guidance.Collect("isac", func(bad func(string, ...any)) {
		o.Options.Check(bad)
		guidance.OneOf(bad, "self-attention normalisation", o.SelfNorm, SelfRow, SelfMinMax)
		guidance.OneOf(bad, "cross-attention normalisation", o.CrossNorm, CrossMinMax, CrossMinMaxClasses, CrossMinMaxEach, CrossNone, CrossSoftmax)
		guidance.OneOf(bad, "schedule", o.Schedule, Schedules()...)
		guidance.OneOf(bad, "token merge", o.TokenMerge, MergeMean, MergeMax)
		guidance.OneOf(bad, "overlap", o.Overlap, OverlapMPO, OverlapMAE, OverlapKL, OverlapIoU)
		guidance.OneOf(bad, "clustering", o.Clustering, cluster.KMeans, cluster.Spectral, cluster.GMM)
		guidance.OneOf(bad, "cluster normalisation", o.ClusterNorm, cluster.NormMinMax, cluster.NormNone)
		guidance.OneOf(bad, "engine", o.Engine, EngineAuto, EngineDense, EngineSparse)
		if o.Engine == EngineSparse && o.Overlap != OverlapMPO {
			bad("engine is sparse and overlap is %s, which reads whole maps: use engine auto or dense, or overlap mpo", o.Overlap)
		}
		if !(o.CoordinateWeight >= 0) || math.IsInf(o.CoordinateWeight, 0) {
			bad("coordinate weight is %v, it must be a number of at least 0", o.CoordinateWeight)
		}
		if !(o.Depth >= 0 && o.Depth <= 1) {
			bad("depth is %v, it must be a fraction of the model's layers from 0 to 1", o.Depth)
		}
		if o.KMeans.Iterations < 1 {
			bad("k-means iterations are %d, at least 1 is needed", o.KMeans.Iterations)
		}
		if o.KMeans.Restarts < 1 {
			bad("k-means restarts are %d, at least 1 is needed", o.KMeans.Restarts)
		}
	})
}
