package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
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

// kSampler turns noise into latents, guided where the model is.
func kSampler() Node {
	return Define(Meta{
		Class: "KSampler", DisplayName: "KSampler", Category: "sampling",
		Description: "Takes the noise out of a latent with a model, steered by two conditionings, and guided if the model comes from ISAC Guidance.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The denoised latent."}},
		// ComfyUI's node says 10000 and fails, or takes noise levels twice, long before.
		Limits: []schema.Limit{{Input: "steps", Share: "denoise", Max: mostSteps, Why: fmt.Sprintf("models have %d noise levels, and a schedule takes each once", mostSteps)}},
		Lists: func(*Env) schema.Lists {
			return schema.Lists{"samplers": sampling.Names(), "schedulers": sampling.ScheduleNames()}
		},
	}, runKSampler)
}

// StepReport is what Env.Step receives: what guidance saw and did at one step on one image of the batch, without the soft masks.
type StepReport struct {
	Image int `json:"image"` // from 0
	guidance.Report
}

func runKSampler(ctx context.Context, env *Env, in *samplerInput) (Result, error) {
	pipeline := in.Model.Pipeline()
	if in.Denoise == 0 { // ComfyUI allows it: no noise is put in and none is taken out
		return Result{Values: []any{in.Latent.clone()}}, nil
	}
	request := diffusion.SampleRequest{
		Positive: in.Positive.Encoded, Negative: in.Negative.Encoded,
		Steps: in.Steps, CFG: in.CFG, Sampler: in.SamplerName, Scheduler: in.Scheduler, Seed: in.Seed, Denoise: in.Denoise,
		Decode: true, // what is sampled is looked at, and a run whose pictures do not fit should not begin
	}
	if in.Latent.Samples.Defined() {
		request.Latent = in.Latent.Samples
	} else {
		request.Width, request.Height, request.Batch = in.Latent.Width, in.Latent.Height, in.Latent.Batch
	}
	lines := append(in.Model.checkpoint.notes[:len(in.Model.checkpoint.notes):len(in.Model.checkpoint.notes)], notesOf("positive", in.Positive)...)
	lines = append(lines, notesOf("negative", in.Negative)...)
	if g := in.Model.guidance; g != nil {
		parsed, err := g.read(in.Positive.Encoded.Prompt)
		if err != nil {
			return Result{}, err
		}
		lines = append(lines, understoodLines(parsed)...)
		// A prompt without objects is sampled plainly, and the line above says so: wildcard prompts should not fail a batch.
		if len(parsed.Phrases) > 0 {
			var left []string
			if request.Guidance, left, err = g.at(parsed, in.Positive.Encoded); err != nil {
				return Result{}, err
			}
			lines = append(lines, left...)
		}
	}
	request.OnStep = reporter(env, pipeline)
	samples, reports, err := pipeline.Sample(ctx, request)
	if err != nil {
		return Result{}, err
	}
	out := newLatent(samples, pipeline.Factor())
	if in.Model.guidance != nil { // with nothing to guide towards, each image has no reports, and its masks are blank
		out.Reports = byImage(reports, out.Batch)
	}
	if request.Guidance != nil {
		out.Target = request.Guidance.Target
		if short := guidance.Shortfall(reports); short != "" {
			lines = append(lines, short)
		}
	}
	result := Result{Values: []any{out}}
	if len(lines) > 0 {
		result.UI = map[string]any{"text": lines}
	}
	return result, nil
}

// reporter tells the host of each step: how far it is, what guidance did, and what the image looks like if somebody looks.
func reporter(env *Env, pipeline *diffusion.Pipeline) func(diffusion.StepInfo) error {
	previews := previewer{pipeline: pipeline}
	return func(s diffusion.StepInfo) error {
		env.progress(s.Index+1, s.Count)
		for i, r := range s.Reports {
			r.Masks = nil
			env.step(StepReport{Image: i, Report: r})
		}
		if env == nil || env.Preview == nil || s.Index+1 == s.Count { // the last step's image is on its way
			return nil
		}
		data, err := previews.draw(s.Denoised)
		if err != nil {
			return fmt.Errorf("preview: %w", err)
		}
		env.Preview("png", data)
		return nil
	}
}

func notesOf(name string, c *Conditioning) []string {
	var lines []string
	for _, n := range c.Encoded.Notes {
		lines = append(lines, name+": "+n)
	}
	return lines
}

// byImage turns reports from [step][image] to [image][step].
func byImage(reports [][]guidance.Report, batch int) [][]guidance.Report {
	sorted := make([][]guidance.Report, batch)
	for _, images := range reports {
		for i, r := range images {
			sorted[i] = append(sorted[i], r)
		}
	}
	return sorted
}
