package pyvalue

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// plain makes of v one of nil, bool, json.Number, float64, string, []any, map[string]any, or leaves it: an object. A float64 is a Go
// float, which may be no finite number, unlike a json.Number.
func plain(v any) any {
	switch v.(type) {
	case nil, bool, json.Number, float64, string, []any, map[string]any:
		return v
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return json.Number(strconv.FormatInt(r.Int(), 10))
	case r.CanUint():
		return json.Number(strconv.FormatUint(r.Uint(), 10))
	case r.CanFloat():
		return r.Float()
	}
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool()
	case reflect.String:
		return r.String()
	case reflect.Slice, reflect.Array:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return list
	case reflect.Map:
		if r.Type().Key().Kind() == reflect.String {
			object := make(map[string]any, r.Len())
			for _, key := range r.MapKeys() {
				object[key.String()] = r.MapIndex(key).Interface()
			}
			return object
		}
	}
	return v
}

// TypeName names the Python type of a value: NoneType, bool, int, float, str, list, dict; "object" of what is no value of JSON.
func TypeName(v any) string {
	switch v := plain(v).(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case json.Number:
		if isInteger(v) {
			return "int"
		}
		return "float"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case map[string]any:
		return "dict"
	}
	return "object"
}

// Bool is Python's bool(v): any text but the empty one is true, "false" too.
func Bool(v any) bool {
	switch v := plain(v).(type) {
	case nil:
		return false
	case bool:
		return v
	case json.Number:
		return exact(v).Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// isInteger says whether a JSON number is an int to Python: without a point and an exponent.
func isInteger(n json.Number) bool { return !strings.ContainsAny(string(n), ".eE") }

// float64Of is the float that Python reads of a JSON number that is none of its ints: ±Inf out of range.
func float64Of(n json.Number) float64 {
	f, _ := n.Float64()
	if math.IsNaN(f) {
		return 0
	}
	return f
}
