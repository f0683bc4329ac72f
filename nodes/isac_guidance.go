package nodes

import (
	"context"
	"strings"

	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/nodes/schema"
)

type guidanceInput struct {
	Model     *Model         `mapstructure:"model" tooltip:"The model to guide."`
	Preset    string         `mapstructure:"preset" combo:"@presets" default:"default" tooltip:"A set of options; default is the method's own recommendation. ISAC has classes (classes alone are pulled apart, in the first half of the run: for two classes and more), typed (the same with instances first, which adds objects to some pictures) and paper (the paper's own settings: raw steps all the way), Attend-and-Excite official and paper. The other inputs change single options of it."`
	Instances *Instances     `mapstructure:"instances" optional:"true" tooltip:"What to aim at, from ISAC Instances. Overrides the text."`
	Text      string         `mapstructure:"text" optional:"true" multiline:"true" default:"" tooltip:"Where classes and counts are read from. Empty: the positive prompt."`
	Options   map[string]any `mapstructure:",remain"`
}

// isacGuidance marks a model so that every sampler that runs it is guided.
func isacGuidance() Node {
	return Define(Meta{
		Class: "ISACGuidance", DisplayName: "ISAC Guidance", Category: "isac",
		Description: "Guides sampling so that the picture holds the right number of the right things: instances are pulled apart in the model's self-attention first, classes in its cross-attention later.",
		Outputs:     []Output{{Type: "MODEL", Name: "MODEL", Tooltip: "The model, guided."}},
		Inputs:      guidanceInputs(methodInput()),
		Lists:       func(*Env) schema.Lists { return schema.Lists{"presets": presetNames()} },
	}, func(_ context.Context, _ *Env, in *guidanceInput) (Result, error) {
		method := in.Options["method"].(string)
		delete(in.Options, "method")
		m, notes, err := guidanceOptions.chosen(method, in.Preset, in.Options)
		if err != nil {
			return Result{}, err
		}
		guided := in.Model.clone()
		guided.guidance = aimAt(in.Text, in.Instances, m, notes)
		return Result{Values: []any{guided}}, nil
	})
}

// presetNames are the one that every method has, and those of all methods, each once, ISAC's first.
func presetNames() []string {
	names := []string{"default"}
	seen := map[string]bool{}
	for _, entry := range methods.Guiding() {
		for _, name := range entry.PresetNames() {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// methodInput chooses among the methods.
func methodInput() schema.Dynamic {
	return schema.Dynamic{Name: "method", Zero: "", Optional: true, Tags: map[string]string{
		"combo": strings.Join(methods.NamesOf(methods.Guiding()), ","), "default": methods.Names()[0], "tooltip": methodHelp(),
	}}
}

func methodHelp() string {
	var parts []string
	for _, entry := range methods.Guiding() {
		parts = append(parts, entry.Name+": "+entry.Help)
	}
	return strings.Join(parts, " ")
}
