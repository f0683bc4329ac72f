package guidance

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// With gives a method with some of its options set from text, by the names that they have in JSON, those of a struct within the
// options behind its name and a dot: {"eta": "0.05", "schedule": "C", "kmeans.restarts": "2"}. Numbers are as Go writes them,
// switches are true or false.
//
// It fails, naming every mistake at once, where a name is unknown, a text is no value of the option's type, or the options that
// come out are not valid. It then gives m as it was.
func With[M Method](m M, settings map[string]string) (M, error) {
	changed := reflect.New(reflect.TypeOf(m)).Elem()
	changed.Set(reflect.ValueOf(m))
	var errs []error
	known := map[string]Setting{}
	for _, s := range own(m, changed) {
		known[s.Name] = s
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		s, ok := known[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: no option is called %q: the options are %s", m.Name(), name, strings.Join(SettingNames(m), ", ")))
			continue
		}
		if err := set(s.value, settings[name]); err != nil {
			errs = append(errs, fmt.Errorf("%s: option %s is %q: %w", m.Name(), name, settings[name], err))
		}
	}
	out := changed.Interface().(M)
	if len(settings) > 0 { // options that are left alone are not judged
		errs = append(errs, out.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		return m, err
	}
	return out, nil
}

// Setting is one option of a method, as With knows it.
type Setting struct {
	// Name is the option's JSON name.
	Name string
	// Value is what it is: a string kind, float64, bool, int or uint64.
	Value any
	// Choices are the values that a text option may have.
	Choices []string
	// Most is the largest value of a number that has one, else 0; Step is what an editor's arrows change it by, else 0.
	Most, Step float64
	// Help says in a sentence what the option does.
	Help string

	value reflect.Value
}

// Settings lists the options of a method with their values, in the order in which the method has them.
func Settings(m Method) []Setting {
	v := reflect.New(reflect.TypeOf(m)).Elem()
	v.Set(reflect.ValueOf(m))
	return own(m, v)
}

// own gives the options of a method, whose struct is v, less those of structs within it that have no effect: those that its method Without
// names, where it has one.
func own(m Method, v reflect.Value) []Setting {
	all := settable(v)
	if w, ok := m.(interface{ Without() []string }); ok {
		without := w.Without()
		all = slices.DeleteFunc(all, func(s Setting) bool { return slices.Contains(without, s.Name) })
	}
	return all
}

// SettingNames lists the names that With knows for a method, sorted.
func SettingNames(m Method) []string {
	var names []string
	for _, s := range Settings(m) {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// settable gives the options of a struct, those of a struct within it behind its own name and a dot; embedded ones count as its own.
func settable(v reflect.Value) []Setting {
	var out []Setting
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("json")
		if field.Type.Kind() == reflect.Struct {
			for _, s := range settable(v.Field(i)) {
				if !field.Anonymous {
					s.Name = name + "." + s.Name
				}
				out = append(out, s)
			}
			continue
		}
		s := Setting{Name: name, Value: v.Field(i).Interface(), Help: field.Tag.Get("help"), value: v.Field(i)}
		if choices := field.Tag.Get("choices"); choices != "" {
			s.Choices = strings.Split(choices, ",")
		}
		s.Most, _ = strconv.ParseFloat(field.Tag.Get("max"), 64)
		s.Step, _ = strconv.ParseFloat(field.Tag.Get("step"), 64)
		out = append(out, s)
	}
	return out
}

// set reads a value of the field's kind from text.
func set(field reflect.Value, text string) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Float64:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("it must be a number such as 0.05")
		}
		field.SetFloat(v)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("it must be true or false")
		}
		field.SetBool(text == "true")
	case reflect.Int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("it must be a whole number")
		}
		field.SetInt(int64(v))
	case reflect.Uint64:
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errors.New("it must be a whole number of at least 0")
		}
		field.SetUint(v)
	default:
		panic(fmt.Sprintf("guidance: options of type %s cannot be set from text", field.Type()))
	}
	return nil
}
