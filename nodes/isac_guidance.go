package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/nodes/schema"
)

// asPreset is the choice that leaves an option as the preset has it; for numbers it is 0.
const asPreset = "preset"

type guidanceInput struct {
	Model    *Model  `mapstructure:"model" tooltip:"The model to guide."`
	Preset   string  `mapstructure:"preset" combo:"@presets" default:"typed" tooltip:"typed: attention maps keep their units and steps are relative to the latent's norm, in the first part of the run. paper: the paper's literal reading, raw steps all the way. The other inputs change single options of it."`
	Eta      float64 `mapstructure:"eta" default:"0.0" min:"0.0" max:"1000.0" step:"0.001" round:"0.0001" tooltip:"Step size of guidance; 0 is the preset's. With relative steps it is the fraction of its norm by which a latent moves."`
	Start    float64 `mapstructure:"start" default:"0.0" min:"0.0" max:"1.0" step:"0.01" tooltip:"Where in the run guidance begins, as a fraction of its steps."`
	End      float64 `mapstructure:"end" default:"0.0" min:"0.0" max:"1.0" step:"0.01" tooltip:"Where in the run guidance ends, as a fraction of its steps; 0 is the preset's."`
	Schedule string  `mapstructure:"schedule" combo:"preset,A,B,C,D,E" default:"preset" tooltip:"How instances and classes are weighed: A instances only, B classes only, C both alike, D classes first, E instances first."`

	Instances    *Instances `mapstructure:"instances" optional:"true" tooltip:"What to aim at, from ISAC Instances. Overrides the text."`
	Text         string     `mapstructure:"text" optional:"true" multiline:"true" default:"" tooltip:"Where classes and counts are read from. Empty: the positive prompt."`
	StepRule     string     `mapstructure:"step_rule" optional:"true" combo:"preset,relative,raw" default:"preset" tooltip:"relative: X - eta |X| g/|g|. raw: X - eta g, as in the paper."`
	SelfNorm     string     `mapstructure:"self_norm" optional:"true" combo:"preset,row,minmax" default:"preset" tooltip:"Normalisation of self-attention: rows that sum to 1, or min-max over the matrix."`
	CrossNorm    string     `mapstructure:"cross_norm" optional:"true" combo:"preset,minmax-classes,minmax-each,minmax,none,softmax100" default:"preset" tooltip:"Normalisation of cross-attention: min-max over the class tokens together or each on its own, over all tokens, none, or softmax over tokens."`
	UpsampleNorm string     `mapstructure:"upsample_norm" optional:"true" combo:"preset,on,off" default:"preset" tooltip:"Whether coarse self-attention keeps its row sums when it is scaled up."`
	Window       bool       `mapstructure:"schedule_in_window" optional:"true" default:"false" tooltip:"Runs the schedule within the guided steps instead of the whole run."`
	TokenMerge   string     `mapstructure:"token_merge" optional:"true" combo:"preset,mean,max" default:"preset" tooltip:"How a class word of several tokens becomes one map."`
	Coordinates  float64    `mapstructure:"coordinate_weight" optional:"true" default:"1.0" min:"0.0" max:"1000.0" step:"0.05" tooltip:"How much a pixel's place counts beside its attention when pixels are grouped into instances."`
	KMeansSeed   uint64     `mapstructure:"kmeans_seed" optional:"true" default:"0" min:"0" max:"18446744073709551615" tooltip:"Seed of the grouping."`
	KMeansRounds int        `mapstructure:"kmeans_iterations" optional:"true" default:"25" min:"1" max:"1000" tooltip:"Most iterations of one grouping."`
	KMeansStarts int        `mapstructure:"kmeans_restarts" optional:"true" default:"4" min:"1" max:"100" tooltip:"Groupings tried at the first step; the tightest is kept."`
	KMeansWarm   bool       `mapstructure:"kmeans_warm" optional:"true" default:"true" tooltip:"Each step goes on from the groups of the step before, so that an instance keeps its colour."`
}

// isacGuidance marks a model so that every sampler that runs it is guided.
func isacGuidance() Node {
	return Define(Meta{
		Class: "ISACGuidance", DisplayName: "ISAC Guidance", Category: "isac",
		Description: "Guides sampling so that the picture holds the right number of the right things: instances are pulled apart in the model's self-attention first, classes in its cross-attention later.",
		Outputs:     []Output{{Type: "MODEL", Name: "MODEL", Tooltip: "The model, guided."}},
		Lists:       func(*Env) schema.Lists { return schema.Lists{"presets": isac.PresetNames()} },
	}, func(_ context.Context, _ *Env, in *guidanceInput) (Result, error) {
		options, err := in.options()
		if err != nil {
			return Result{}, err
		}
		g := &guidance{text: in.Text, options: options}
		if in.Instances != nil {
			parsed := in.Instances.Parsed
			g.instances = &parsed
		}
		return Result{Values: []any{newModel(in.Model.checkpoint.share(), g)}}, nil
	})
}

// options are the preset's with what the inputs change.
func (in *guidanceInput) options() (isac.Options, error) {
	o, err := isac.Preset(in.Preset)
	if err != nil {
		return o, err
	}
	if in.Eta != 0 {
		o.Eta = in.Eta
	}
	o.Start = in.Start
	if in.End != 0 {
		o.End = in.End
	}
	choose(&o.Schedule, in.Schedule)
	choose(&o.StepRule, in.StepRule)
	choose(&o.SelfNorm, in.SelfNorm)
	choose(&o.CrossNorm, in.CrossNorm)
	choose(&o.TokenMerge, in.TokenMerge)
	if in.UpsampleNorm != asPreset {
		o.UpsampleNorm = in.UpsampleNorm == "on"
	}
	o.ScheduleInWindow = in.Window
	o.CoordinateWeight = in.Coordinates
	o.KMeans.Seed, o.KMeans.Iterations, o.KMeans.Restarts = in.KMeansSeed, in.KMeansRounds, in.KMeansStarts
	o.KMeans.Warm = in.KMeansWarm
	return o, o.Validate()
}

func choose[T ~string](option *T, choice string) {
	if choice != asPreset {
		*option = T(choice)
	}
}
