package pyvalue

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
)

// Number is the value of a number or of a bool, which is 0 or 1 to Python; false of anything else and of what JSON cannot write.
func Number(v any) (json.Number, bool) {
	switch v := plain(v).(type) {
	case json.Number:
		return v, true
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	case float64:
		if text, err := json.Marshal(v); err == nil {
			if n := json.Number(text); !isInteger(n) {
				return n, true
			}
			return json.Number(text) + ".0", true
		}
	}
	return "", false
}

// Equal is Python's ==, in which 1, 1.0 and True are one. Objects, see TypeName, are equal to nothing.
func Equal(a, b any) bool {
	if x, ok := Number(a); ok {
		y, ok := Number(b)
		return ok && Compare(x, y) == 0
	}
	switch a := plain(a).(type) {
	case nil:
		return b == nil
	case float64: // an infinity equals itself alone, what is not a number not even that
		f, ok := plain(b).(float64)
		return ok && a == f
	case string:
		s, ok := plain(b).(string)
		return ok && a == s
	case []any:
		list, ok := plain(b).([]any)
		return ok && slices.EqualFunc(a, list, Equal)
	case map[string]any:
		object, ok := plain(b).(map[string]any)
		if !ok || len(a) != len(object) {
			return false
		}
		for k, v := range a {
			if w, ok := object[k]; !ok || !Equal(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

// Compare compares two numbers as Python does, and gives -1, 0 or +1: integers exactly, whatever their size, and floats by their
// float64.
func Compare(a, b json.Number) int { return exact(a).Cmp(exact(b)) }

// exact gives the number's value. An exponent cannot make it large: it goes through float64, as in Python.
func exact(n json.Number) *big.Float {
	if isInteger(n) && len(n) <= maxDigits {
		f, _, err := big.ParseFloat(string(n), 10, uint(len(n)*4+64), big.ToNearestEven)
		if err == nil {
			return f
		}
	}
	f := float64Of(n)
	if math.IsInf(f, 0) {
		return new(big.Float).SetInf(f < 0)
	}
	return big.NewFloat(f)
}
