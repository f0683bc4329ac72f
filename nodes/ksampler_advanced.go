package nodes

import (
	"context"
	"errors"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/nodes/schema"
)

type advancedInput struct {
	Model       *Model        `mapstructure:"model" tooltip:"The model that takes noise out of the latent; one from ISACGuidance is guided."`
	AddNoise    string        `mapstructure:"add_noise" combo:"enable,disable" tooltip:"Whether noise is put in first. disable: the latent has the noise that an earlier sampler left."`
	Seed        uint64        `mapstructure:"noise_seed" default:"0" min:"0" max:"18446744073709551615" control_after_generate:"true" tooltip:"The seed of the noise."`
	Steps       int           `mapstructure:"steps" default:"20" min:"1" max:"10000" tooltip:"How many steps the whole schedule has."`
	CFG         float64       `mapstructure:"cfg" default:"8.0" min:"0.0" max:"100.0" step:"0.1" round:"0.01" tooltip:"Scale of classifier-free guidance: how closely the prompt is followed. 1 is none."`
	SamplerName string        `mapstructure:"sampler_name" combo:"@samplers" tooltip:"The algorithm that takes the steps."`
	Scheduler   string        `mapstructure:"scheduler" combo:"@schedulers" tooltip:"How the noise levels of the steps are chosen."`
	Positive    *Conditioning `mapstructure:"positive" tooltip:"What the image shall show."`
	Negative    *Conditioning `mapstructure:"negative" tooltip:"What the image shall not show."`
	Latent      *Latent       `mapstructure:"latent_image" tooltip:"Where to start from."`
	Start       int           `mapstructure:"start_at_step" default:"0" min:"0" max:"10000" tooltip:"The first step that is taken, from 0. Guidance counts steps of the whole schedule."`
	End         int           `mapstructure:"end_at_step" default:"10000" min:"0" max:"10000" tooltip:"The step before which it ends."`
	Leftover    string        `mapstructure:"return_with_leftover_noise" combo:"disable,enable" tooltip:"Whether a run that ends early leaves its noise in the latent, for another sampler, or takes it out with its last step."`
}

// kSamplerAdvanced takes a part of a schedule's steps.
func kSamplerAdvanced() Node {
	return Define(Meta{
		Class: "KSamplerAdvanced", DisplayName: "KSampler (Advanced)", Category: "sampling",
		Description: "Takes some of the steps of a schedule, so that several samplers can share one.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The latent after these steps."}},
		Limits:      stepLimits(""),
		Lists:       samplerLists,
	}, func(ctx context.Context, env *Env, in *advancedInput) (Result, error) {
		if in.Start >= in.End {
			return Result{Values: []any{in.Latent.clone()}}, nil
		}
		result, err := samplerRun{in.Model, in.Positive, in.Negative, in.Latent}.sample(ctx, env, diffusion.SampleRequest{
			Steps: in.Steps, CFG: in.CFG, Sampler: in.SamplerName, Scheduler: in.Scheduler, Seed: in.Seed, Denoise: 1,
			FirstStep: in.Start, LastStep: in.End, TakeRest: in.Leftover == "disable", NoNoise: in.AddNoise == "disable",
		}, nil)
		if errors.Is(err, diffusion.ErrNoSteps) { // ComfyUI allows it
			return Result{Values: []any{in.Latent.clone()}}, nil
		}
		return result, err
	})
}

func samplerLists(*Env) schema.Lists {
	return schema.Lists{"samplers": sampling.Names(), "schedulers": sampling.ScheduleNames()}
}
