package graph

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func decoded(t *testing.T, text string) any {
	t.Helper()
	v, err := decodeValue(json.RawMessage(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestConversions: what is Python's own is tested in package pyvalue; this is what becomes of it here.
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
