package graph

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// The expected texts of this file were printed by Python 3.11.

func decoded(t *testing.T, text string) any {
	t.Helper()
	v, err := decodeValue(json.RawMessage(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestPythonText(t *testing.T) {
	tests := []struct{ json, repr string }{
		{`null`, "None"}, {`true`, "True"}, {`false`, "False"},
		{`7`, "7"}, {`-0`, "0"}, {`18446744073709551615`, "18446744073709551615"},
		{`1.50`, "1.5"}, {`1e3`, "1000.0"}, {`1e16`, "1e+16"}, {`1e15`, "1000000000000000.0"}, {`0.0001`, "0.0001"},
		{`0.00001`, "1e-05"}, {`-0.0`, "-0.0"}, {`1e400`, "inf"}, {`-1e400`, "-inf"}, {`1.7976931348623157e308`, "1.7976931348623157e+308"},
		{`"a"`, "'a'"}, {`"it's"`, `"it's"`}, {`"'\""`, `'\'"'`}, {`"a\\b\n\t\r"`, `'a\\b\n\t\r'`},
		{`"\u0001\u00e4\u200b\ud83d\ude00"`, `'\x01ä\u200b😀'`}, {`"\udb40\udc01"`, `'\U000e0001'`},
		{`[1, "b", [null]]`, "[1, 'b', [None]]"}, {`{"k": 1.0}`, "{'k': 1.0}"}, {`[]`, "[]"}, {`{}`, "{}"},
	}
	for _, test := range tests {
		if got := pyRepr(decoded(t, test.json)); got != test.repr {
			t.Errorf("repr of %s is %s, want %s", test.json, got, test.repr)
		}
	}
	if got := pyStr("it's"); got != "it's" {
		t.Errorf("str is %s", got)
	}
}

func TestConversions(t *testing.T) {
	long := strings.Repeat("9", 4301)
	tests := []struct {
		kind, json string
		want       any
		err        string
	}{
		{"INT", `"12"`, json.Number("12"), ""},
		{"INT", `" -1_000 "`, json.Number("-1000"), ""},
		{"INT", `"+5"`, json.Number("5"), ""},
		{"INT", `"007"`, json.Number("7"), ""},
		{"INT", `1.7`, json.Number("1"), ""},
		{"INT", `-1.7`, json.Number("-1"), ""},
		{"INT", `1e3`, json.Number("1000"), ""},
		{"INT", `1e22`, json.Number("10000000000000000000000"), ""},
		{"INT", `true`, json.Number("1"), ""},
		{"INT", `-0`, json.Number("0"), ""},
		{"INT", `18446744073709551615`, json.Number("18446744073709551615"), ""},
		{"INT", `"1.5"`, nil, "invalid literal for int() with base 10: '1.5'"},
		{"INT", `""`, nil, "invalid literal for int() with base 10: ''"},
		{"INT", `"--1"`, nil, "invalid literal for int() with base 10: '--1'"},
		{"INT", `"1__0"`, nil, "invalid literal for int() with base 10: '1__0'"},
		{"INT", `"_1"`, nil, "invalid literal for int() with base 10: '_1'"},
		{"INT", `"0x10"`, nil, "invalid literal for int() with base 10: '0x10'"},
		{"INT", `null`, nil, "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"},
		{"INT", `{"a":1}`, nil, "int() argument must be a string, a bytes-like object or a real number, not 'dict'"},
		{"INT", `1e400`, nil, "cannot convert float infinity to integer"},
		{"INT", `"` + long + `"`, nil, "exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits"},
		{"INT", long, nil, "exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits"},
		{"FLOAT", `7`, json.Number("7"), ""},
		{"FLOAT", `"1e1"`, json.Number("10"), ""},
		{"FLOAT", `" .5 "`, json.Number("0.5"), ""},
		{"FLOAT", `"1_0.2_5"`, json.Number("10.25"), ""},
		{"FLOAT", `true`, json.Number("1"), ""},
		{"FLOAT", `1e-400`, json.Number("0"), ""},
		{"FLOAT", `"abc"`, nil, "could not convert string to float: 'abc'"},
		{"FLOAT", `""`, nil, "could not convert string to float: ''"},
		{"FLOAT", `"0x1p-2"`, nil, "could not convert string to float: '0x1p-2'"},
		{"FLOAT", `"1_"`, nil, "could not convert string to float: '1_'"},
		{"FLOAT", `null`, nil, "float() argument must be a string or a real number, not 'NoneType'"},
		{"FLOAT", `"nan"`, nil, "nan is no finite number"},
		{"FLOAT", `"-Infinity"`, nil, "-inf is no finite number"},
		{"FLOAT", `1e400`, nil, "inf is no finite number"},
		{"STRING", `1.0`, "1.0", ""},
		{"STRING", `null`, "None", ""},
		{"STRING", `true`, "True", ""},
		{"STRING", `{"a":["b"]}`, "{'a': ['b']}", ""},
		{"BOOLEAN", `"false"`, true, ""},
		{"BOOLEAN", `""`, false, ""},
		{"BOOLEAN", `0`, false, ""},
		{"BOOLEAN", `0.0e5`, false, ""},
		{"BOOLEAN", `1e-400`, false, ""},
		{"BOOLEAN", `-1`, true, ""},
		{"BOOLEAN", `null`, false, ""},
		{"BOOLEAN", `{}`, false, ""},
		{"BOOLEAN", `{"a":0}`, true, ""},
		{"MODEL", `"left alone"`, "left alone", ""},
	}
	for _, test := range tests {
		got, err := convert(decoded(t, test.json), test.kind)
		if err != nil && err.Error() != test.err || err == nil && test.err != "" || err == nil && !reflect.DeepEqual(got, test.want) {
			t.Errorf("%.40s as %s is %v, %v; want %v, %q", test.json, test.kind, got, err, test.want, test.err)
		}
	}
}

func TestPythonEquality(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1`, `true`, true}, {`0`, `false`, true}, {`1`, `"1"`, false}, {`null`, `null`, true}, {`null`, `0`, false},
		{`"a"`, `"a"`, true}, {`[1, "a"]`, `[true, "a"]`, true}, {`[1]`, `[1, 2]`, false}, {`{"a": 1}`, `{"a": 1.0}`, true}, {`{"a": 1}`, `{"b": 1}`, false},
		{`18446744073709551615`, `18446744073709551616`, false}, {`1e400`, `2e400`, true}, {`[]`, `{}`, false},
	}
	for _, test := range tests {
		if got := pyEqual(decoded(t, test.a), decoded(t, test.b)); got != test.want {
			t.Errorf("%s == %s is %v", test.a, test.b, got)
		}
	}
}

func TestNumbersCompareExactly(t *testing.T) {
	for _, test := range []struct {
		a, b json.Number
		want int
	}{
		{"18446744073709551616", "18446744073709551615", 1}, {"-1", "0.5", -1}, {"1e400", "18446744073709551615", 1}, {"0.1", "0.10", 0}, {"1e308", "1" + json.Number(strings.Repeat("0", 308)), 1},
	} {
		if got := compareNumbers(test.a, test.b); got != test.want {
			t.Errorf("%s against %s is %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
