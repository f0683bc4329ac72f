package nodes

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/nodes/schema"
)

// asPreset is the choice that leaves an option as the preset has it; for fractions that may not be 0, or that presets disagree about, it is
// noNumber, which none of them can be. Graphs and their clients send the value of every input always, so that "not touched" has to be a
// value, and 0 is what somebody may mean.
const (
	asPreset = "preset"
	noNumber = -1
)

// required are the options that a graph has to give; the others may be absent. Editors keep widgets by their order, so those that
// graphs were saved with come first, in the order of then, and what is new comes last.
var (
	required = []string{"eta", "start", "end", "schedule"}
	earlier  = []string{
		"step_rule", "self_norm", "cross_norm", "upsample_norm", "schedule_in_window", "token_merge", "coordinate_weight",
		"kmeans_seed", "kmeans_iterations", "kmeans_restarts", "kmeans_warm",
	}
	latest = []string{"every", "at", "skip_below", "reuse", "depth", "no_propagation"}
)

// option is one option of one or more methods as an input.
type option struct {
	guidance.Setting
	// preset tells that the input has a value that leaves the option as the preset has it.
	preset bool
	of     []methods.Entry
}

// inputName is how a graph calls an option: dots have no place there.
func inputName(setting string) string { return strings.ReplaceAll(setting, ".", "_") }

// options are the options of some methods, by the names of their inputs.
type options map[string]option

// guidanceOptions are those of all methods that guide.
var guidanceOptions = optionsOf(methods.Guiding())

func optionsOf(entries []methods.Entry) options {
	options := options{}
	for _, entry := range entries {
		for _, p := range entry.Presets {
			for _, s := range guidance.Settings(p.Method) {
				name := inputName(s.Name)
				o, known := options[name]
				if !known {
					o = option{Setting: s, preset: len(s.Choices) > 0, of: entries}
				}
				o.preset = o.preset || o.Value != s.Value || zeroIsNone(p.Method, s)
				options[name] = o
			}
		}
	}
	return options
}

// zeroIsNone tells of a fraction that may not be 0.
func zeroIsNone(m guidance.Method, s guidance.Setting) bool {
	if _, fraction := s.Value.(float64); !fraction {
		return false
	}
	_, err := guidance.With(m, map[string]string{s.Name: "0"})
	return err != nil
}

// guidanceInputs are the inputs that the options make, and the method's, in the order in which editors show them.
func guidanceInputs(method schema.Dynamic) []schema.Dynamic {
	inputs := guidanceOptions.inputs(slices.Concat(required, earlier), required)
	at := slices.IndexFunc(inputs, func(d schema.Dynamic) bool { return slices.Contains(latest, d.Name) })
	return slices.Insert(inputs, at, method)
}

// inputs are the options as inputs of a node, those of first in front and the latest ones at the end; those that are not required may be
// absent.
func (all options) inputs(first, required []string) []schema.Dynamic {
	names := slices.Clone(first)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(names, name) && !slices.Contains(latest, name) {
			names = append(names, name)
		}
	}
	for _, name := range latest {
		if _, has := all[name]; has {
			names = append(names, name)
		}
	}
	var inputs []schema.Dynamic
	for _, name := range names {
		inputs = append(inputs, all[name].input(name, !slices.Contains(required, name)))
	}
	return inputs
}

// presetsOf has, by method and preset, what an option is that was left to the preset: for editors to show in place of "preset". Methods
// without the option are not in it.
func presetsOf(setting string) string {
	all := map[string]map[string]any{}
	for _, entry := range methods.All() {
		for _, preset := range append([]string{"default"}, entry.PresetNames()...) {
			m, err := entry.Preset(preset)
			if err != nil {
				panic(err) // a preset of the list's own
			}
			for _, s := range guidance.Settings(m) {
				if s.Name != setting {
					continue
				}
				if all[entry.Name] == nil {
					all[entry.Name] = map[string]any{}
				}
				if on, is := s.Value.(bool); is {
					s.Value = map[bool]string{true: "on", false: "off"}[on]
				}
				all[entry.Name][preset] = s.Value
			}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(text)
}

// input is the option as an input of a node.
func (o option) input(name string, optional bool) schema.Dynamic {
	d := schema.Dynamic{Name: name, Zero: o.Value, Optional: optional, Tags: map[string]string{"tooltip": o.Help}}
	if o.preset {
		d.Tags["presets"] = presetsOf(o.Name)
	}
	switch v := o.Value.(type) {
	case bool:
		if o.preset {
			d.Zero, d.Tags["combo"], d.Tags["default"] = "", asPreset+",on,off", asPreset
		} else {
			d.Tags["default"] = strconv.FormatBool(v)
		}
	case float64:
		d.Tags["min"] = "0.0"
		if o.preset {
			v = noNumber
			d.Tags["min"], d.Tags["placeholder"] = decimal(v), asPreset
			d.Tags["tooltip"] += " -1: as the preset has it (" + o.presetValues() + ")."
		}
		d.Tags["default"] = decimal(v)
		most, step := o.Most, o.Step
		if most == 0 {
			most = 1000
		}
		if step == 0 {
			step = 0.01
		}
		d.Tags["max"], d.Tags["step"] = decimal(most), decimal(step)
		if o.Step != 0 {
			d.Tags["round"] = decimal(step / 10)
		}
	case int:
		d.Tags["default"], d.Tags["min"], d.Tags["max"] = strconv.Itoa(v), strconv.Itoa(min(v, 1)), "1000"
	case uint64:
		d.Tags["default"], d.Tags["min"], d.Tags["max"] = strconv.FormatUint(v, 10), "0", "18446744073709551615"
	default:
		if len(o.Choices) == 0 { // free text
			d.Tags["default"] = fmt.Sprint(v)
			break
		}
		d.Zero, d.Tags["combo"], d.Tags["default"] = "", strings.Join(append([]string{asPreset}, o.Choices...), ","), asPreset
	}
	return d
}

// presetValues says what each preset has for an option: "isac: typed 0.5, paper 1; attend_excite: …".
func (o option) presetValues() string {
	var all []string
	for _, entry := range o.of {
		var own []string
		for _, p := range entry.Presets {
			for _, s := range guidance.Settings(p.Method) {
				if s.Name == o.Name {
					own = append(own, fmt.Sprintf("%s %v", p.Name, s.Value))
				}
			}
		}
		if len(own) > 0 {
			all = append(all, entry.Name+": "+strings.Join(own, ", "))
		}
	}
	return strings.Join(all, "; ")
}

// decimal writes a number with a point, as FLOAT inputs have it.
func decimal(v float64) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// given tells whether an input says something else than what the preset has, and what, as guidance.With reads it.
func (o option) given(value any) (text string, ok bool) {
	text = fmt.Sprint(value)
	if !o.preset {
		return text, text != fmt.Sprint(o.Value)
	}
	switch v := reflect.ValueOf(value); {
	case text == asPreset, v.Kind() == reflect.Float64 && v.Float() == noNumber:
		return "", false
	case text == "on" || text == "off":
		return strconv.FormatBool(text == "on"), true
	}
	return text, true
}

// chosen is a preset of a method with what the inputs change. An input that the method has no option for has to be left alone.
//
// Graphs of earlier versions have 0 where the preset's value is meant. Where a method takes no 0 they still do, and notes say so.
func (all options) chosen(method, preset string, inputs map[string]any) (m guidance.Method, notes []string, err error) {
	m, err = methods.Named(method, preset)
	if err != nil {
		return nil, nil, err
	}
	settings := map[string]string{}
	own := guidance.SettingNames(m)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		o := all[name]
		text, given := o.given(inputs[name])
		switch {
		case !given:
		case o.preset && text == "0" && zeroIsNone(m, o.Setting):
			notes = append(notes, fmt.Sprintf("%s cannot be 0, which graphs of earlier versions have for the preset's own value: that is taken; write -1 for it", name))
		case !slices.Contains(own, o.Name):
			errs = append(errs, fmt.Errorf("%s is %v, and the method %s has no such option: set it back", name, inputs[name], method))
		default:
			settings[o.Name] = text
		}
	}
	m, err = guidance.With(m, settings)
	return m, notes, errors.Join(append(errs, err)...)
}
