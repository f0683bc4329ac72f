package isac

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// With gives the options with some of them set from text, by the names that they have in JSON, those of KMeans behind
// "kmeans.": {"eta": "0.05", "schedule": "C", "kmeans.restarts": "2"}. Numbers are as Go writes them, switches are true or
// false.
//
// It fails, naming every mistake at once, where a name is unknown, a text is no value of the option's type, or the options that
// come out are not valid. It then gives o as it was.
func (o Options) With(settings map[string]string) (Options, error) {
	changed := o
	fields := settable(reflect.ValueOf(&changed).Elem(), "")
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		field, known := fields[name]
		if !known {
			errs = append(errs, fmt.Errorf("isac: no option is called %q: the options are %s", name, strings.Join(SettingNames(), ", ")))
			continue
		}
		if err := set(field, settings[name]); err != nil {
			errs = append(errs, fmt.Errorf("isac: option %s is %q: %w", name, settings[name], err))
		}
	}
	if len(settings) > 0 { // options that are left alone are not judged
		errs = append(errs, changed.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		return o, err
	}
	return changed, nil
}

// SettingNames lists the names that Options.With knows, sorted.
func SettingNames() []string {
	var o Options
	return slices.Sorted(maps.Keys(settable(reflect.ValueOf(&o).Elem(), "")))
}

// settable gives the fields of a struct by their JSON names, those of a struct within it behind its own name and a dot.
func settable(v reflect.Value, prefix string) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		name := prefix + v.Type().Field(i).Tag.Get("json")
		if v.Field(i).Kind() == reflect.Struct {
			maps.Copy(out, settable(v.Field(i), name+"."))
			continue
		}
		out[name] = v.Field(i)
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
		panic(fmt.Sprintf("isac: options of type %s cannot be set from text", field.Type()))
	}
	return nil
}
