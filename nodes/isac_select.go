package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/nodes/schema"
)

type selectInput struct {
	Model       *Model         `mapstructure:"model" tooltip:"The model that takes noise out of the latent. One from ISACGuidance is guided in each candidate, and its method's losses judge."`
	Seed        uint64         `mapstructure:"seed" default:"0" min:"0" max:"18446744073709551615" control_after_generate:"true" tooltip:"The seed of the first candidate's noise; the others have the seeds behind it."`
	Candidates  int            `mapstructure:"candidates" default:"8" min:"1" max:"1000" tooltip:"How many runs of each image are made, with the seeds seed, seed+1, and so on. The one with the lowest sum of losses is the result."`
	Halving     bool           `mapstructure:"halving" default:"false" tooltip:"Drops the worse part of the candidates several times on the way, at equal distances over the steps that are measured. 8 candidates cost 4.8 runs then, and 3 with end 0.5."`
	Steps       int            `mapstructure:"steps" default:"20" min:"1" max:"10000" tooltip:"How many steps the noise is taken out in."`
	CFG         float64        `mapstructure:"cfg" default:"8.0" min:"0.0" max:"100.0" step:"0.1" round:"0.01" tooltip:"Scale of classifier-free guidance: how closely the prompt is followed. 1 is none."`
	SamplerName string         `mapstructure:"sampler_name" combo:"@samplers" tooltip:"The algorithm that takes the steps."`
	Scheduler   string         `mapstructure:"scheduler" combo:"@schedulers" tooltip:"How the noise levels of the steps are chosen."`
	Positive    *Conditioning  `mapstructure:"positive" tooltip:"What the image shall show."`
	Negative    *Conditioning  `mapstructure:"negative" tooltip:"What the image shall not show."`
	Latent      *Latent        `mapstructure:"latent_image" tooltip:"Where to start from. Each image of a batch has candidates of its own."`
	Denoise     float64        `mapstructure:"denoise" default:"1.0" min:"0.0" max:"1.0" step:"0.01" tooltip:"How much of the noise is put in and taken out again: less than 1 keeps something of the latent."`
	Preset      string         `mapstructure:"preset" combo:"@presets" default:"paper" tooltip:"How the losses are read from attention, as in ISAC Guidance. paper is the paper's literal reading. The inputs below change single options of it."`
	Keep        float64        `mapstructure:"keep" optional:"true" default:"0.5" min:"0.01" max:"0.99" step:"0.05" tooltip:"The part of the candidates that goes on at each cut of halving, rounded up."`
	Instances   *Instances     `mapstructure:"instances" optional:"true" tooltip:"What to look for, from ISAC Instances. Overrides the text."`
	Text        string         `mapstructure:"text" optional:"true" multiline:"true" default:"" tooltip:"Where classes and counts are read from. Empty: the positive prompt."`
	Options     map[string]any `mapstructure:",remain"`
}

// selectMethod is the entry of the method behind the node.
var selectMethod, _ = methods.Find(isac.Selector{}.Name())

// selectOptions are its options but for those that are inputs of the node itself.
var selectOptions = func() options {
	all := optionsOf([]methods.Entry{selectMethod})
	for _, own := range []string{"candidates", "halving", "keep"} {
		delete(all, own)
	}
	help := func(name, text string) {
		o := all[name]
		o.Help = text
		all[name] = o
	}
	help("start", "Where in the run measuring begins, as a fraction of its steps.")
	help("end", "Where in the run measuring ends, as a fraction of its steps. The candidate that is best by then goes on alone: 0.2 decides after a fifth of the steps, at a fifth of the cost of the others.")
	return all
}()

// isacSelect samples several candidates and keeps the one with the lowest sum of losses.
func isacSelect() Node {
	return Define(Meta{
		Class: "ISACSelect", DisplayName: "ISAC Select", Category: "isac",
		Description: "Samples several candidates, with seeds of their own, and keeps the one in which instances and classes overlap least in the model's attention, summed over the steps (ISAC_LS). It changes no latent and takes no gradient.",
		Outputs: []Output{
			{Type: "LATENT", Name: "LATENT", Tooltip: "The denoised latent of the candidate that was chosen."},
			{Type: "STRING", Name: "losses", Tooltip: "All candidates with their seeds and losses, and what the choice cost, as JSON."},
			{Type: "INT", Name: "seed", Tooltip: "The seed of the candidate that was chosen, of the first image: KSampler makes the same image with it."},
		},
		Inputs: selectOptions.inputs([]string{"start", "end", "schedule"}, nil),
		Limits: stepLimits("denoise"),
		Lists: func(env *Env) schema.Lists {
			lists := samplerLists(env)
			lists["presets"] = selectMethod.PresetNames()
			return lists
		},
	}, runSelect)
}

func runSelect(ctx context.Context, env *Env, in *selectInput) (Result, error) {
	if in.Denoise == 0 { // no noise, so nothing to choose
		return selected(in.Latent.clone(), diffusion.Result{}, in.Seed, in.Steps, nil)
	}
	choice := guidance.Selection{Candidates: in.Candidates, Halving: in.Halving, Keep: in.Keep}
	g := in.Model.guidance
	var lines []string
	if g == nil {
		m, notes, err := selectOptions.chosen(selectMethod.Name, in.Preset, in.Options)
		if err != nil {
			return Result{}, err
		}
		own := m.(isac.Selector)
		own.Selection, choice = choice, guidance.Selection{}
		g = aimAt(in.Text, in.Instances, own, notes)
	} else {
		lines = append(lines, fmt.Sprintf("the model is guided: each candidate is moved by %s, whose own losses and window judge; preset, instances, text and what follows them here have no effect", g.method.Name()))
	}
	out, result, said, err := samplerRun{in.Model, in.Positive, in.Negative, in.Latent}.run(ctx, env, diffusion.SampleRequest{
		Steps: in.Steps, CFG: in.CFG, Sampler: in.SamplerName, Scheduler: in.Scheduler, Seed: in.Seed, Denoise: in.Denoise,
	}, g, choice, nil)
	if err != nil {
		return Result{}, err
	}
	return selected(out, result, in.Seed, in.Steps, append(lines, said...))
}

// selection is what the output losses holds.
type selection struct {
	Images []diffusion.Choice `json:"images"`
	Cost   diffusion.Cost     `json:"cost"`
}

// selected makes the node's outputs of what came of a run.
func selected(out *Latent, r diffusion.Result, seed uint64, steps int, lines []string) (Result, error) {
	if len(r.Choices) == 0 {
		lines = append(lines, fmt.Sprintf("nothing to choose by: one run of seed %d", seed))
		for range out.Batch {
			r.Choices = append(r.Choices, diffusion.Choice{
				Candidates: []diffusion.Candidate{{Seed: seed, Steps: steps, Losses: []float64{}}}, Cuts: []guidance.Cut{}, Reason: "the prompt names no objects",
			})
		}
	} else {
		lines = append(lines, selectionLines(r)...)
	}
	text, err := json.Marshal(selection{Images: r.Choices, Cost: r.Cost})
	if err != nil {
		out.Close()
		return Result{}, err
	}
	first := r.Choices[0]
	return Result{
		Values: []any{out, string(text), first.Candidates[first.Chosen].Seed},
		UI:     map[string]any{"text": lines, "isac_candidates": r.Choices},
	}, nil
}

// selectionLines tell of a choice, a line for each candidate.
func selectionLines(r diffusion.Result) []string {
	var lines []string
	for image, choice := range r.Choices {
		of := ""
		if len(r.Choices) > 1 {
			of = fmt.Sprintf("image %d, ", image+1)
		}
		if choice.Reason != "" {
			lines = append(lines, fmt.Sprintf("%snothing to choose by: %s; one run of seed %d", of, choice.Reason, choice.Candidates[0].Seed))
			continue
		}
		for i, c := range choice.Candidates {
			lines = append(lines, fmt.Sprintf("%scandidate %d, seed %d: %s", of, i+1, c.Seed, describe(c, choice, i)))
		}
	}
	return append(lines, costLine(r))
}

// describe is what became of a candidate.
func describe(c diffusion.Candidate, choice diffusion.Choice, i int) string {
	loss := "no loss could be measured"
	if c.Loss != nil {
		loss = fmt.Sprintf("loss %.4g over %d steps", *c.Loss, c.Measured)
	}
	switch whole := choice.Candidates[choice.Chosen].Steps; {
	case i == choice.Chosen:
		return loss + " ← chosen"
	case c.Steps < whole:
		return fmt.Sprintf("%s, dropped after step %d of %d", loss, c.Steps, whole)
	}
	return loss
}

// costLine says what a choice cost, and where the candidates were cut.
func costLine(r diffusion.Result) string {
	steps, all := 0, 0
	var cuts []guidance.Cut
	for _, choice := range r.Choices {
		for _, c := range choice.Candidates {
			all += c.Steps
		}
		steps += choice.Candidates[choice.Chosen].Steps
		cuts = choice.Cuts
	}
	var kept []string
	for _, c := range cuts {
		kept = append(kept, fmt.Sprintf("%d after step %d", c.Keep, c.After))
	}
	line := fmt.Sprintf("cost: %d model evaluations, %.3g times one run", r.Cost.Evaluations, float64(all)/float64(max(steps, 1)))
	if r.Cost.Gradients > 0 {
		line += fmt.Sprintf(", %d of them with a gradient", r.Cost.Gradients)
	}
	if len(kept) > 0 {
		line += "; kept: " + strings.Join(kept, ", ")
	}
	return line
}
