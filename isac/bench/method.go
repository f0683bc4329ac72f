package bench

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
)

// Base is the method that the others are compared with: plain sampling.
const Base = "none"

// The kinds of methods that are none of package methods.
const (
	kindNone   = Base
	kindRandom = "random"
)

// kind is what a word for a method stands for: a method of package methods, and options that differ from its presets.
type kind struct {
	method   string
	settings map[string]string
}

// kinds are the methods of package methods, by the words that stand for them here.
var kinds = map[string]kind{
	"isac": {method: "isac"}, kindRandom: {"isac", map[string]string{"direction": string(guidance.DirectionRandom)}}, "ae": {method: "attend_excite"},
	"ae-isac": {method: "attend_isac"}, "isac-ls": {method: "isac_ls"}, "isac-ls-halving": {"isac_ls", map[string]string{"halving": "true", "end": "0.5"}},
}

// Kinds lists the words for methods, sorted.
func Kinds() []string { return append(slices.Sorted(maps.Keys(kinds)), kindNone) }

// Method is one way to make a picture. Its text is
//
//	none                          plain sampling
//	isac[:preset][+key=value…]    guided, with the options of a preset and single ones set by their JSON names
//	random[:preset][+key=value…]  the control: ISAC's steps, of the same length in a random direction
//	ae[:preset][+key=value…]      Attend-and-Excite
//	ae-isac[+key=value…]          Attend-and-Excite, followed by ISAC at each step: ae-isac+attend.eta=10+isac.end=0.3
//	isac-ls[:preset][+key=value…] selection: of 8 plain runs the one with the lowest sum of ISAC's losses (ISAC_LS)
//	isac-ls-halving[…]            the same, with the worse half dropped three times in the first half of the run
//
// for instance "isac:typed+end=0.3+eta=0.05", or "ae:paper+eta=10". Without a preset the options are
// the method's recommended ones.
type Method struct {
	kind, preset string
	settings     map[string]string
	options      guidance.Method
}

// ParseMethod reads the text of a method. The error names everything that is wrong with it.
func ParseMethod(text string) (Method, error) {
	parts := strings.Split(strings.TrimSpace(text), "+")
	kind, preset, named := strings.Cut(parts[0], ":")
	m := Method{kind: kind, preset: preset, settings: map[string]string{}}
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	switch {
	case kind != kindNone && kinds[kind].method == "":
		bad("%q is no method: expected one of %s, all but none with a preset and settings as in isac:typed+eta=0.05", kind, strings.Join(Kinds(), ", "))
	case kind == kindNone && (named || len(parts) > 1):
		bad("none is plain sampling, which has no preset and no settings")
	case named && preset == "":
		entry, _ := methods.Find(kinds[kind].method)
		bad("no preset after the colon: expected %s, or leave the colon out", strings.Join(entry.PresetNames(), " or "))
	}
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		_, twice := m.settings[key]
		switch {
		case !ok || key == "" || value == "":
			bad("setting %q: expected key=value, as in eta=0.05 (numbers without a plus sign)", part)
		case twice:
			bad("setting %q is given twice", key)
		case key == "direction" || key == "direction_seed":
			bad("setting %q: the method itself, random or another, and the picture's seed decide it", key)
		default:
			m.settings[key] = value
		}
	}
	if len(errs) == 0 && kind != kindNone {
		errs = append(errs, m.resolve())
	}
	if err := errors.Join(errs...); err != nil {
		return Method{}, fmt.Errorf("method %q: %w", text, err)
	}
	return m, nil
}

// resolve makes the options that the text stands for.
func (m *Method) resolve() error {
	of := kinds[m.kind]
	options, err := methods.Named(of.method, m.preset)
	if err != nil {
		return err
	}
	settings := maps.Clone(m.settings)
	for name, value := range of.settings {
		if _, changed := settings[name]; !changed {
			settings[name] = value
		}
	}
	if options, err = guidance.With(options, settings); err != nil {
		return err
	}
	m.options = options
	return options.Validate()
}

// ParseMethods reads several methods, in their order, each of them once. All mistakes are reported together.
func ParseMethods(texts []string) ([]Method, error) {
	var parsed []Method
	var errs []error
	known := map[string]bool{}
	for _, text := range texts {
		m, err := ParseMethod(text)
		switch {
		case err != nil:
			errs = append(errs, err)
		case !known[m.String()]:
			known[m.String()] = true
			parsed = append(parsed, m)
		}
	}
	return parsed, errors.Join(errs...)
}

// String is the canonical text: the settings sorted by their keys. It is what records call the method.
func (m Method) String() string {
	var b strings.Builder
	b.WriteString(m.kind)
	if m.preset != "" {
		b.WriteString(":" + m.preset)
	}
	for _, key := range slices.Sorted(maps.Keys(m.settings)) {
		b.WriteString("+" + key + "=" + m.settings[key])
	}
	return b.String()
}

// Guided says whether the method does more than plain sampling.
func (m Method) Guided() bool { return m.kind != kindNone }

// Options are what guidance works with, nil for plain sampling.
func (m Method) Options() *methods.Chosen {
	if !m.Guided() {
		return nil
	}
	return &methods.Chosen{Method: m.options}
}

// with is the method with more settings, or other values of those that it has: "key=value", several joined by plus signs.
func (m Method) with(settings string) (Method, error) {
	m.settings = maps.Clone(m.settings)
	for setting := range strings.SplitSeq(settings, "+") {
		key, value, _ := strings.Cut(setting, "=")
		m.settings[key] = value
	}
	return ParseMethod(m.String())
}

// sameOptions says whether two methods do the same under two names.
func (m Method) sameOptions(o Method) bool {
	return m.Guided() == o.Guided() && reflect.DeepEqual(m.options, o.options)
}
