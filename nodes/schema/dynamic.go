package schema

import (
	"fmt"
	"reflect"
	"strings"
)

// remain is the tag of the field that takes the dynamic inputs.
const remain = ",remain"

// Dynamic is an input that no struct field stands for: what a program knows only when it runs.
type Dynamic struct {
	// Name is the input's in the graph.
	Name string
	// Zero is a value of the input's Go type: int, int64, uint64, float64, bool or string.
	Zero any
	// Optional says that the input may be absent.
	Optional bool
	// Tags are what the tags of a struct field would say: "default", "min", "max", "step", "combo", "tooltip".
	Tags map[string]string
}

// field is the struct field that would say the same.
func (d Dynamic) field() reflect.StructField {
	var tag strings.Builder
	fmt.Fprintf(&tag, "mapstructure:%q", d.Name)
	if d.Optional {
		tag.WriteString(` optional:"true"`)
	}
	for name, text := range d.Tags {
		fmt.Fprintf(&tag, " %s:%q", name, text)
	}
	return reflect.StructField{Name: d.Name, Type: reflect.TypeOf(d.Zero), Tag: reflect.StructTag(tag.String())}
}
