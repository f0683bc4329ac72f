package graph

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// Values of a workflow are shown, compared and converted as Python does it, because that is what ComfyUI's messages
// and its clients are used to. The Go types are those of encoding/json with json.Number.

// pyRepr writes a value as Python's repr does.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case json.Number:
		if v == "-0" {
			return "0"
		}
		if isInteger(v) {
			return string(v)
		}
		f, _ := v.Float64() // ±Inf out of range, as in Python
		return pyFloat(f)
	case string:
		return pyQuote(v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = pyRepr(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for k, x := range v {
			parts = append(parts, pyQuote(k)+": "+pyRepr(x))
		}
		sort.Strings(parts) // Python keeps the order of the text, which is lost here
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "?"
}

// pyStr writes a value as Python's str does.
func pyStr(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return pyRepr(v)
}

// pyFloat writes the shortest text that gives the number back, with Python's rule for the exponent.
func pyFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func pyQuote(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			b.WriteString(`\x` + hex(r, 2))
		case r < 0x10000:
			b.WriteString(`\u` + hex(r, 4))
		default:
			b.WriteString(`\U` + hex(r, 8))
		}
	}
	b.WriteRune(quote)
	return b.String()
}

func hex(r rune, digits int) string {
	text := strconv.FormatInt(int64(r), 16)
	return strings.Repeat("0", digits-len(text)) + text
}

// pyType names a value's Python type.
func pyType(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case json.Number:
		if isInteger(v) {
			return "int"
		}
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	}
	return "dict"
}

// pyTrue is Python's bool(v): any text but the empty one is true, "false" too.
func pyTrue(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case json.Number:
		return exact(v).Sign() != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// pyEqual is Python's ==, in which 1, 1.0 and True are one.
func pyEqual(a, b any) bool {
	if x, ok := numeric(a); ok {
		y, ok := numeric(b)
		return ok && compareNumbers(x, y) == 0
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case []any:
		list, ok := b.([]any)
		return ok && slices.EqualFunc(a, list, pyEqual)
	case map[string]any:
		object, ok := b.(map[string]any)
		if !ok || len(a) != len(object) {
			return false
		}
		for k, v := range a {
			if w, ok := object[k]; !ok || !pyEqual(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

// isInteger says whether a JSON number is an int to Python: without a point and an exponent.
func isInteger(n json.Number) bool { return !strings.ContainsAny(string(n), ".eE") }

func numeric(v any) (json.Number, bool) {
	switch v := v.(type) {
	case json.Number:
		return v, true
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	}
	return "", false
}

// compareNumbers compares as Python does: integers exactly, whatever their size, and floats by their float64.
func compareNumbers(a, b json.Number) int {
	return exact(a).Cmp(exact(b))
}

// exact gives the number's value. An exponent cannot make it large: it goes through float64, as in Python.
func exact(n json.Number) *big.Float {
	if isInteger(n) && len(n) <= maxDigits {
		f, _, err := big.ParseFloat(string(n), 10, uint(len(n)*4+64), big.ToNearestEven)
		if err == nil {
			return f
		}
	}
	f, _ := n.Float64() // ±Inf out of range, as in Python
	if math.IsNaN(f) {
		f = 0
	}
	return big.NewFloat(f)
}
