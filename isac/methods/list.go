package methods

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/guidance"
)

// Entry is one method of the list.
type Entry struct {
	// Name is the method's, as Method.Name.
	Name string
	// Title is what people are shown, Help a sentence about it.
	Title, Help string
	// Presets are sets of its options, the recommended one first.
	Presets []Preset
}

// Preset is a named set of options.
type Preset struct {
	Name   string
	Method guidance.Method
}

// list holds every method, the project's own first.
var list = []Entry{
	{
		Name: "isac", Title: "ISAC", Help: "Pulls instances apart in self-attention first, classes in cross-attention later.",
		Presets: []Preset{{"classes", isac.Classes()}, {"typed", isac.Typed()}, {"paper", isac.Paper()}},
	},
	{
		Name: "attend_excite", Title: "Attend-and-Excite", Help: "Strengthens the weakest class until every one has its place in cross-attention.",
		Presets: []Preset{{"official", baseline.Official()}, {"paper", baseline.AttendPaper()}},
	},
	{
		Name: "isac_ls", Title: "ISAC selection", Help: "Makes several runs, moves none of them, and keeps the one with the lowest sum of ISAC's losses (ISAC_LS).",
		Presets: []Preset{{"paper", isac.SelectPaper()}, {"typed", isac.SelectTyped()}},
	},
}

// sequences are known by their names, and not listed: their options are those of the methods that they are made of, under longer names,
// which no editor should show beside them.
var sequences = []Entry{
	{
		Name: "attend_isac", Title: "Attend-and-Excite, then ISAC", Help: "Attend-and-Excite at each step, and ISAC from where it left the latent.",
		Presets: []Preset{{"recommended", attendISAC()}},
	},
}

// All lists every method that is not several.
func All() []Entry { return list }

// Guiding lists the methods that move latents: those for hosts and nodes that sample one run. The others choose among several
// (guidance.Chooser), and only a sampler of this program's own makes them.
func Guiding() []Entry {
	return slices.DeleteFunc(slices.Clone(list), func(e Entry) bool { return e.Chooses() })
}

// Chooses tells whether the method moves no latent but chooses among several runs.
func (e Entry) Chooses() bool {
	_, is := e.Presets[0].Method.(guidance.Chooser)
	return is
}

// Names lists the methods' names.
func Names() []string { return NamesOf(list) }

// NamesOf lists the names of some methods.
func NamesOf(entries []Entry) []string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

// Find gives a method by its name, of the list or a sequence.
func Find(name string) (Entry, error) {
	for _, e := range slices.Concat(list, sequences) {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("no method is called %q: use %s", name, strings.Join(Names(), " or "))
}

// PresetNames lists the names of the presets, the recommended one first.
func (e Entry) PresetNames() []string {
	var names []string
	for _, p := range e.Presets {
		names = append(names, p.Name)
	}
	return names
}

// Preset gives the options of a preset; "" and "default" stand for the recommended one.
func (e Entry) Preset(name string) (guidance.Method, error) {
	name = strings.ToLower(name)
	if name == "" || name == "default" {
		return e.Presets[0].Method, nil
	}
	for _, p := range e.Presets {
		if p.Name == name {
			return p.Method, nil
		}
	}
	return nil, fmt.Errorf("%s: no preset is called %q: use %s", e.Name, name, strings.Join(e.PresetNames(), " or "))
}

// Named gives the options of a preset of a method, both by name.
func Named(method, preset string) (guidance.Method, error) {
	e, err := Find(method)
	if err != nil {
		return nil, err
	}
	return e.Preset(preset)
}
