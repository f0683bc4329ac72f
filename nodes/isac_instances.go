package nodes

import (
	"context"
	"strings"

	"github.com/isac-guidance/isac/isac/prompt"
)

type instancesInput struct {
	Text     string `mapstructure:"text" multiline:"true" default:"" placeholder:"a photo of two cats and a dog" tooltip:"The prompt: what its nouns and numbers say is what the picture shall hold."`
	Override string `mapstructure:"override" optional:"true" default:"" placeholder:"cat=2, dog=1" tooltip:"Says it outright instead of reading it from the prompt: class=count, separated by commas. The prompt must hold the words."`
}

// isacInstances reads classes and counts from a prompt, so that a user sees what guidance will aim at.
func isacInstances() Node {
	return Define(Meta{
		Class: "ISACInstances", DisplayName: "ISAC Instances", Category: "isac", OutputNode: true,
		Description: "Reads from a prompt which objects the picture shall hold and how many of each, and shows what was understood.",
		Outputs: []Output{
			{Type: "ISAC_INSTANCES", Name: "instances", Tooltip: "For ISAC Guidance."},
			{Type: "STRING", Name: "understood", Tooltip: "What was understood, as cat=2, dog=1."},
		},
	}, func(_ context.Context, _ *Env, in *instancesInput) (Result, error) {
		parsed := prompt.Parse(in.Text)
		if strings.TrimSpace(in.Override) != "" {
			var err error
			if parsed, err = prompt.ParseCounts(in.Override, in.Text); err != nil {
				return Result{}, err
			}
		}
		understood := parsed.Counts()
		return Result{
			Values: []any{&Instances{Parsed: parsed}, understood},
			UI:     map[string]any{"text": understoodLines(parsed)},
		}, nil
	})
}

// understoodLines says for people what was read from a prompt, and what was not.
func understoodLines(p prompt.Parsed) []string {
	first := p.Counts()
	if first == "" {
		first = "no objects to count were found"
	}
	return append([]string{first}, p.Notes...)
}
