package nodes

import (
	"context"
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
)

// StepReport is what Env.Step receives: what guidance saw and did at one step on one image of the batch, without the soft masks.
type StepReport struct {
	Image int `json:"image"` // from 0
	guidance.Report
}

// samplerRun is what samplers of all kinds are given.
type samplerRun struct {
	Model              *Model
	Positive, Negative *Conditioning
	Latent             *Latent
}

// sample runs a request, of which it fills in model, conditionings, latent and guidance. observe is told as diffusion.Guidance.Observe is, and
// may be nil.
func (in samplerRun) sample(ctx context.Context, env *Env, request diffusion.SampleRequest, observe func(image int, m guidance.Maps)) (Result, error) {
	out, _, lines, err := in.run(ctx, env, request, in.Model.guidance, guidance.Selection{}, observe)
	if err != nil {
		return Result{}, err
	}
	result := Result{Values: []any{out}}
	if len(lines) > 0 {
		result.UI = map[string]any{"text": lines}
	}
	return result, nil
}

// run is sample towards g, nil for nothing, with a choice among candidates. lines are what the user should know.
func (in samplerRun) run(
	ctx context.Context, env *Env, request diffusion.SampleRequest, g *aim, choice guidance.Selection, observe func(image int, m guidance.Maps),
) (*Latent, diffusion.Result, []string, error) {
	fail := func(err error) (*Latent, diffusion.Result, []string, error) { return nil, diffusion.Result{}, nil, err }
	pipeline := in.Model.Pipeline()
	request.Positive, request.Negative = in.Positive.Encoded, in.Negative.Encoded
	request.Decode = true // what is sampled is looked at, and a run whose pictures do not fit should not begin
	request.Mask, request.BatchIndex = in.Latent.Mask, in.Latent.BatchIndex
	var size string
	if in.Latent.Samples.Defined() {
		request.Latent = in.Latent.Samples
	} else {
		request.Width, request.Height, size = in.Latent.whole(pipeline.Factor())
		request.Batch = in.Latent.Batch
	}
	lines := append(in.Model.checkpoint.notes[:len(in.Model.checkpoint.notes):len(in.Model.checkpoint.notes)], notesOf("positive", in.Positive)...)
	lines = append(lines, notesOf("negative", in.Negative)...)
	if size != "" {
		lines = append(lines, size)
	}
	if g != nil {
		whole, note := in.Positive.Encoded.Whole()
		if note != "" {
			lines = append(lines, note)
		}
		parsed, err := g.read(whole.Prompt)
		if err != nil {
			return fail(err)
		}
		lines = append(lines, understoodLines(parsed)...)
		lines = append(lines, g.notes...)
		// A prompt without objects is sampled plainly, and the line above says so: wildcard prompts should not fail a batch.
		if len(parsed.Phrases) > 0 {
			var left []string
			if request.Guidance, left, err = g.at(parsed, whole); err != nil {
				return fail(err)
			}
			request.Guidance.Select, request.Guidance.Observe = choice, observe
			lines = append(lines, left...)
		}
	}
	request.OnStep = reporter(env, pipeline)
	sampled, err := pipeline.Run(ctx, request)
	if err != nil {
		return fail(err)
	}
	out := newLatent(sampled.Latent, pipeline.Factor())
	out.BatchIndex = in.Latent.BatchIndex
	if in.Latent.Mask.Defined() {
		out.Mask = in.Latent.Mask.Clone().Keep()
	}
	if g != nil { // with nothing to guide towards, each image has no reports, and its masks are blank
		out.Reports = byImage(sampled.Reports, out.Batch)
	}
	if request.Guidance != nil {
		out.Target = request.Guidance.Target
		lines = append(lines, shortfall(request.Guidance.Method, sampled.Reports)...)
	}
	return out, sampled, lines, nil
}

// shortfall is what the user should know of steps that were not guided.
func shortfall(m guidance.Method, reports [][]guidance.Report) []string {
	if short := guidance.Shortfall(reports); short != "" {
		return []string{short}
	}
	if _, chooses := m.(guidance.Chooser); chooses {
		return nil
	}
	if idle := guidance.Idle(reports, m.Common()); idle != "" {
		return []string{"nothing was guided: " + idle}
	}
	return nil
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
		if env == nil || env.Preview == nil || !pipeline.HasVAE() || s.Index+1 == s.Count { // the last step's image is on its way
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
	for _, one := range append([]diffusion.Conditioning{c.Encoded}, c.Encoded.More...) {
		for _, n := range one.Notes {
			if line := name + ": " + n; !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
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
