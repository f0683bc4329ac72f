package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kinds of mistake, named as ComfyUI's node_errors name them.
const (
	Missing     = "required_input_missing"
	WrongType   = "invalid_input_type"
	WrongLink   = "return_type_mismatch"
	TooSmall    = "value_smaller_than_min"
	TooBig      = "value_bigger_than_max"
	NotInList   = "value_not_in_list"
	longestList = 20 // choices that a message names; ComfyUI stops there too
)

// Mistake says what is wrong with one input.
type Mistake struct {
	Kind     string // one of the constants above
	Input    string // its name
	Given    string // the value, shortened; empty when there was none
	Expected string // what would have done
}

func (m Mistake) Error() string {
	if m.Kind == Missing {
		return fmt.Sprintf("input %q is missing: expected %s", m.Input, m.Expected)
	}
	return fmt.Sprintf("input %q: given %s, expected %s", m.Input, m.Given, m.Expected)
}

// Mistakes are all that is wrong with one request, in the order of the inputs.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

// show writes a value for a message: as JSON where it is data, by its graph type where it is a link's value.
func show(v any) string {
	if l, ok := v.(Link); ok {
		return "a value of type " + l.ComfyType()
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("a %T", v)
	}
	const longest = 80
	if text := string(raw); len(text) > longest {
		cut := longest
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		return text[:cut] + "…"
	}
	return string(raw)
}

// expected says what the input takes.
func (f *field) expected(lists Lists) string {
	if f.link {
		return "a link to an output of type " + f.kind
	}
	if f.kind == Combo {
		choices := f.choices(lists)
		if f.upload {
			return "the name of a file in the host's input folder"
		}
		switch {
		case len(choices) == 0:
			return "one of a list that is empty here"
		case len(choices) > longestList:
			return fmt.Sprintf("one of %d choices such as %q", len(choices), choices[0])
		}
		return "one of " + strings.Join(quoted(choices), ", ")
	}
	what := map[string]string{Int: "a whole number", Float: "a number", String: "text", Boolean: "true or false"}[f.kind]
	switch {
	case f.min != "" && f.max != "":
		return fmt.Sprintf("%s from %s to %s", what, f.min, f.max)
	case f.min != "":
		return fmt.Sprintf("%s of at least %s", what, f.min)
	case f.max != "":
		return fmt.Sprintf("%s of at most %s", what, f.max)
	}
	return what
}

func quoted(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = fmt.Sprintf("%q", t)
	}
	return out
}
