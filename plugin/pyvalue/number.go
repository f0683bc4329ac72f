package pyvalue

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDigits is Python's limit for reading an integer, against texts that take quadratic time.
const maxDigits = 4300

// maxShownLiteral is how much of a text Python shows, quoted, when it is no integer.
const maxShownLiteral = 200

// Int is Python's int(v): whole numbers as they are, other numbers cut towards zero, a text only if it writes a whole number. The error
// is what Python says, without its advice on how to raise the limit of digits.
func Int(v any) (*big.Int, error) {
	switch v := plain(v).(type) {
	case bool:
		if v {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	case json.Number:
		if isInteger(v) {
			return integer(string(v), string(v))
		}
		return truncated(float64Of(v))
	case float64:
		return truncated(v)
	case string:
		text, ok := underscores(ascii(v))
		unsigned := strings.TrimLeft(text, "+-")
		if !ok || len(text)-len(unsigned) > 1 || unsigned == "" || strings.Trim(unsigned, "0123456789") != "" {
			return nil, noInteger(v)
		}
		return integer(text, v)
	}
	return nil, fmt.Errorf("int() argument must be a string, a bytes-like object or a real number, not '%s'", TypeName(v))
}

// integer reads digits that may have a sign; given is what they were written as.
func integer(text, given string) (*big.Int, error) {
	if digits := len(strings.TrimLeft(text, "+-")); digits > maxDigits {
		return nil, fmt.Errorf("exceeds the limit (%d digits) for integer string conversion: value has %d digits", maxDigits, digits)
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, noInteger(given)
	}
	return n, nil
}

func noInteger(given string) error {
	shown := []rune(quote(given))
	return fmt.Errorf("invalid literal for int() with base 10: %s", string(shown[:min(len(shown), maxShownLiteral)]))
}

func truncated(f float64) (*big.Int, error) {
	switch {
	case math.IsInf(f, 0):
		return nil, errors.New("cannot convert float infinity to integer")
	case math.IsNaN(f):
		return nil, errors.New("cannot convert float NaN to integer")
	}
	n, _ := big.NewFloat(f).Int(nil)
	return n, nil
}

// Float is Python's float(v). It can be infinite or not a number, where Python's is: of "inf", "nan", and of what is too large. The error
// is what Python says.
func Float(v any) (float64, error) {
	switch v := plain(v).(type) {
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case json.Number:
		f := float64Of(v)
		switch {
		case isInteger(v) && math.IsInf(f, 0):
			return 0, errors.New("int too large to convert to float")
		case isInteger(v) && f == 0:
			return 0, nil // the int has no sign
		}
		return f, nil
	case float64:
		return v, nil
	case string:
		if f, ok := parseFloat(ascii(v)); ok {
			return f, nil
		}
		return 0, fmt.Errorf("could not convert string to float: %s", quote(v))
	}
	return 0, fmt.Errorf("float() argument must be a string or a real number, not '%s'", TypeName(v))
}

func parseFloat(text string) (float64, bool) {
	text, ok := underscores(text)
	if !ok || strings.ContainsAny(text, "xXpP") { // Go reads hexadecimal floats too, Python does not
		return 0, false
	}
	if len(text) == 4 && strings.ContainsAny(text[:1], "+-") && strings.EqualFold(text[1:], "nan") { // Go wants it without a sign
		return math.NaN(), true
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}

// ascii takes off the space around a text, and writes the decimal digits of all scripts as 0 to 9.
func ascii(text string) string {
	text = strings.TrimFunc(text, unicode.IsSpace) // unlike str.strip, int and float leave the separators 1C to 1F of ASCII
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.IsDigit(r) {
			return r
		}
		return '0' + digit(r)
	}, text)
}

// digit is the value of a decimal digit: Unicode lays them out in tens.
func digit(r rune) rune {
	for _, run := range unicode.Nd.R16 {
		if uint32(r) <= uint32(run.Hi) {
			return (r - rune(run.Lo)) % 10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if uint32(r) <= run.Hi {
			return (r - rune(run.Lo)) % 10
		}
	}
	return 0
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
