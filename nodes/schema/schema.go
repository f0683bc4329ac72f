// Package schema makes one Go struct both the form that a graph editor shows and the value that a node reads.
//
// A node's inputs are the fields of a struct. Their tags give what ComfyUI's /object_info entry says of them, and the
// same tags check and convert what a request brings. Name, order and optionality are written once:
//
//	type input struct {
//		Model *Model  `mapstructure:"model" tooltip:"what predicts the noise"`
//		Steps int     `mapstructure:"steps" default:"20" min:"1" max:"10000"`
//		Name  string  `mapstructure:"sampler_name" combo:"@samplers"`
//		Note  string  `mapstructure:"note" optional:"true" multiline:"true"`
//	}
//
// A combo with the tag input_files ("image", "latent" or "any") names a file in the input folder of the host, which fills in the choices and
// sends the file's content along; here its tag is combo:"@". Go's integer kinds are INT, float64 is FLOAT, string is STRING (COMBO with a combo tag), bool is BOOLEAN; a type with a
// ComfyType method is a link to an output of that type.
package schema

import (
	"fmt"
	"reflect"
	"strings"
)

// Link is what a field's type implements to be an input that only another node's output can fill.
type Link interface {
	// ComfyType is the name that graphs know the type by, e.g. "LATENT". It must work on a nil receiver.
	ComfyType() string
}

// Names of the types that a widget can fill.
const (
	Int     = "INT"
	Float   = "FLOAT"
	String  = "STRING"
	Boolean = "BOOLEAN"
	Combo   = "COMBO"
)

// Lists holds the choices of combos whose tag is "@name", by that name: what depends on the machine, as file names do.
type Lists map[string][]string

// Schema is what one input struct says.
type Schema struct {
	in     reflect.Type
	fields []field
}

// Of reads the tags of struct type In, and adds inputs that are known only at run time. Those are decoded into In's field with the
// tag `mapstructure:",remain"`, a map[string]any. It panics on a tag that makes no sense: that is a mistake in the program.
func Of[In any](more ...Dynamic) *Schema {
	in := reflect.TypeFor[In]()
	if in.Kind() != reflect.Struct {
		panic(fmt.Sprintf("schema: %v: inputs must be a struct", in))
	}
	s := &Schema{in: in}
	seen := map[string]bool{}
	add := func(sf reflect.StructField, i int) {
		f := newField(sf)
		if f.name == "" || seen[f.name] {
			panic(fmt.Sprintf("schema: %v.%s: the mapstructure tag %q is empty or used twice", in, f.goName, f.name))
		}
		seen[f.name] = true
		f.index = i
		s.fields = append(s.fields, f)
	}
	for i := range in.NumField() {
		if sf := in.Field(i); sf.Tag.Get("mapstructure") != remain {
			add(sf, i)
		}
	}
	for _, d := range more {
		add(d.field(), -1) // no field of its own: a widget, never a link
	}
	return s
}

var linkType = reflect.TypeFor[Link]()

// typeName gives the graph's name of a Go type.
func typeName(t reflect.Type, combo bool) (string, error) {
	if t.Implements(linkType) {
		return reflect.Zero(t).Interface().(Link).ComfyType(), nil
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return Int, nil
	case reflect.Float64:
		return Float, nil
	case reflect.Bool:
		return Boolean, nil
	case reflect.String:
		if combo {
			return Combo, nil
		}
		return String, nil
	}
	return "", fmt.Errorf("type %v is neither int, int64, uint64, float64, bool or string nor a link", t)
}

// choices gives a combo's list: the tag's own, or the one that lists has under its name.
func (f *field) choices(lists Lists) []string {
	name, dynamic := strings.CutPrefix(f.combo, "@")
	if dynamic {
		return lists[name] // nil of "@": files of the host
	}
	return strings.Split(f.combo, ",")
}
