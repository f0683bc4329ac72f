package schema

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
)

// toInt is Python's int(v): whole numbers as they are, other numbers cut towards zero, text only if it writes a whole number.
func toInt(value any) (*big.Int, bool) {
	switch v := value.(type) {
	case json.Number:
		if n, ok := parseInt(string(v)); ok {
			return n, true
		}
		x, err := v.Float64()
		if err != nil {
			return nil, false
		}
		return truncated(x), true
	case string:
		return parseInt(strings.TrimSpace(v))
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	}
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		return big.NewInt(v.Int()), true
	case v.CanUint():
		return new(big.Int).SetUint64(v.Uint()), true
	case v.CanFloat() && !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0):
		return truncated(v.Float()), true
	}
	return nil, false
}

// longestInt is the number of digits beyond which Python refuses to read an integer: reading takes more than linear time.
const longestInt = 4300

func parseInt(text string) (*big.Int, bool) {
	if len(text) > longestInt {
		return nil, false
	}
	return new(big.Int).SetString(text, 10)
}

func truncated(x float64) *big.Int {
	n, _ := big.NewFloat(x).Int(nil)
	return n
}

// toFloat is Python's float(v), without the not-a-number and the infinities that it reads from text: no node can use them.
func toFloat(value any) (float64, bool) {
	x, err := 0.0, error(nil)
	switch v := value.(type) {
	case json.Number:
		x, err = v.Float64()
	case string:
		if strings.ContainsAny(v, "xX") { // Go reads hexadecimal fractions, Python does not
			return 0, false
		}
		x, err = strconv.ParseFloat(strings.TrimSpace(v), 64)
	case bool:
		if v {
			x = 1
		}
	default:
		switch v := reflect.ValueOf(value); {
		case v.CanInt():
			x = float64(v.Int())
		case v.CanUint():
			x = float64(v.Uint())
		case v.CanFloat():
			x = v.Float()
		default:
			return 0, false
		}
	}
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// toString is Python's str(v) for scalars. Lists, objects and null are refused: Python would write its own notation of them.
func toString(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return string(v), true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	}
	switch v := reflect.ValueOf(value); {
	case v.CanInt(), v.CanUint(), v.CanFloat():
		raw, err := json.Marshal(value)
		return string(raw), err == nil
	}
	return "", false
}

// toBool is Python's bool(v): zero, the empty text, the empty list and null are false, all else is true, the text "false" too.
func toBool(value any) (bool, bool) {
	switch v := value.(type) {
	case nil:
		return false, true
	case bool:
		return v, true
	case json.Number:
		x, err := v.Float64()
		return x != 0, err == nil
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() > 0, true
	default:
		if v.CanInt() || v.CanUint() || v.CanFloat() {
			return !v.IsZero(), true
		}
	}
	return false, false
}
