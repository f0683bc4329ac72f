package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/nodes/schema"
)

type samplerInput struct {
	Model       *Model        `mapstructure:"model" tooltip:"The model that takes noise out of the latent; one from ISACGuidance is guided."`
	Seed        uint64        `mapstructure:"seed" default:"0" min:"0" max:"18446744073709551615" control_after_generate:"true" tooltip:"The seed of the noise."`
	Steps       int           `mapstructure:"steps" default:"20" min:"1" max:"10000" tooltip:"How many steps the noise is taken out in."`
	CFG         float64       `mapstructure:"cfg" default:"8.0" min:"0.0" max:"100.0" step:"0.1" round:"0.01" tooltip:"Scale of classifier-free guidance: how closely the prompt is followed. 1 is none."`
	SamplerName string        `mapstructure:"sampler_name" combo:"@samplers" tooltip:"The algorithm that takes the steps."`
	Scheduler   string        `mapstructure:"scheduler" combo:"@schedulers" tooltip:"How the noise levels of the steps are chosen."`
	Positive    *Conditioning `mapstructure:"positive" tooltip:"What the image shall show."`
	Negative    *Conditioning `mapstructure:"negative" tooltip:"What the image shall not show."`
	Latent      *Latent       `mapstructure:"latent_image" tooltip:"Where to start from."`
	Denoise     float64       `mapstructure:"denoise" default:"1.0" min:"0.0" max:"1.0" step:"0.01" tooltip:"How much of the noise is put in and taken out again: less than 1 keeps something of the latent."`
}

// mostSteps is how many noise levels the models of all families have, which is how many steps the longest schedule has.
const mostSteps = 1000

// stepLimits bound the input steps of a sampler, of which the input share, if it has one, is taken.
func stepLimits(share string) []schema.Limit {
	return []schema.Limit{{Input: "steps", Share: share, Max: mostSteps, Why: fmt.Sprintf("models have %d noise levels, and a schedule takes each once", mostSteps)}}
}

// kSampler turns noise into latents, guided where the model is.
func kSampler() Node {
	return Define(Meta{
		Class: "KSampler", DisplayName: "KSampler", Category: "sampling",
		Description: "Takes the noise out of a latent with a model, steered by two conditionings, and guided if the model comes from ISAC Guidance.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The denoised latent."}},
		// ComfyUI's node says 10000 and fails, or takes noise levels twice, long before.
		Limits: stepLimits("denoise"),
		Lists:  samplerLists,
	}, runKSampler)
}

func runKSampler(ctx context.Context, env *Env, in *samplerInput) (Result, error) {
	if in.Denoise == 0 { // ComfyUI allows it: no noise is put in and none is taken out
		return Result{Values: []any{in.Latent.clone()}}, nil
	}
	return samplerRun{in.Model, in.Positive, in.Negative, in.Latent}.sample(ctx, env, diffusion.SampleRequest{
		Steps: in.Steps, CFG: in.CFG, Sampler: in.SamplerName, Scheduler: in.Scheduler, Seed: in.Seed, Denoise: in.Denoise,
	}, nil)
}
