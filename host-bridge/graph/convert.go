package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// maxDigits is Python's limit for reading an integer, against texts that take quadratic time.
const maxDigits = 4300

// convert turns a constant into what its input's type asks for, by the rules of Python's int, float, str and bool.
// Values of other types stay as they are.
func convert(v any, inputType string) (any, error) {
	switch inputType {
	case "INT":
		return toInt(v)
	case "FLOAT":
		return toFloat(v)
	case "STRING":
		return pyStr(v), nil
	case "BOOLEAN":
		return pyTrue(v), nil
	}
	return v, nil
}

func toInt(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		n, _ := numeric(v)
		return n, nil
	case json.Number:
		if isInteger(v) {
			return integer(string(v))
		}
		f, err := v.Float64()
		switch {
		case math.IsInf(f, 0):
			return nil, errors.New("cannot convert float infinity to integer")
		case err != nil:
			return nil, err
		}
		whole, _ := big.NewFloat(f).Int(nil)
		return json.Number(whole.String()), nil
	case string:
		text, ok := underscores(strings.TrimFunc(v, unicode.IsSpace))
		unsigned := strings.TrimLeft(text, "+-")
		if !ok || len(text)-len(unsigned) > 1 || unsigned == "" || strings.Trim(unsigned, "0123456789") != "" {
			return nil, fmt.Errorf("invalid literal for int() with base 10: %s", pyQuote(v))
		}
		return integer(text)
	}
	return nil, fmt.Errorf("int() argument must be a string, a bytes-like object or a real number, not '%s'", pyType(v))
}

// integer gives the canonical literal of an integer.
func integer(text string) (any, error) {
	if digits := len(strings.TrimLeft(text, "+-")); digits > maxDigits {
		return nil, fmt.Errorf("exceeds the limit (%d digits) for integer string conversion: value has %d digits", maxDigits, digits)
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, fmt.Errorf("invalid literal for int() with base 10: %s", pyQuote(text))
	}
	return json.Number(n.String()), nil
}

func toFloat(v any) (any, error) {
	var text string
	switch v := v.(type) {
	case bool:
		n, _ := numeric(v)
		return n, nil
	case json.Number:
		text = string(v)
	case string:
		stripped, ok := underscores(strings.TrimFunc(v, unicode.IsSpace))
		// Go reads hexadecimal floats too, Python does not.
		if !ok || stripped == "" || strings.ContainsAny(stripped, "xXpP") {
			return nil, fmt.Errorf("could not convert string to float: %s", pyQuote(v))
		}
		text = stripped
	default:
		return nil, fmt.Errorf("float() argument must be a string or a real number, not '%s'", pyType(v))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("could not convert string to float: %s", pyQuote(text))
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		// Python goes on with it; here the value has to travel as JSON, and no node can use it.
		return nil, fmt.Errorf("%s is no finite number", pyFloat(f))
	}
	return floatLiteral(f), nil
}

func floatLiteral(f float64) json.Number {
	text, err := json.Marshal(f)
	if err != nil { // the caller has seen to it that f is finite
		panic(err)
	}
	return json.Number(text)
}

// underscores takes out the underscores that Python allows between digits; false where one stands elsewhere.
func underscores(text string) (string, bool) {
	if !strings.Contains(text, "_") {
		return text, true
	}
	digit := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9' }
	for i := range len(text) {
		if text[i] == '_' && !(digit(i-1) && digit(i+1)) {
			return "", false
		}
	}
	return strings.ReplaceAll(text, "_", ""), true
}
