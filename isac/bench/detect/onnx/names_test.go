package onnx

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseNames(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`{0: 'person', 1: 'sports ball'}`, []string{"person", "sports ball"}},
		{`{0: 'a'}`, []string{"a"}},
		{`{0: "driver's license", 1: 'say "hi"', 2: 'both \' and "', 3: 'back\\slash'}`, []string{"driver's license", `say "hi"`, `both ' and "`, `back\slash`}},
		{`{1: 'b', 0: 'a',}`, []string{"a", "b"}},
		{`{"0": "a", "1": "b"}`, []string{"a", "b"}},
		{`['a', 'b, {c}: d']`, []string{"a", "b, {c}: d"}},
		{" {0:'é',\n1:'球'} ", []string{"é", "球"}},
	} {
		got, err := parseNames(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		``:                   "expected { or [",
		`person`:             "expected { or [",
		`{0: 'a'`:            "expected , or }",
		`{0: 'a' 1: 'b'}`:    "expected , or }",
		`{0: 'a', 2: 'b'}`:   "none for index 1",
		`{0: 'a', 0: 'b'}`:   "two names",
		`{0 'a'}`:            "expected :",
		`{x: 'a'}`:           "expected a number",
		`{0: a}`:             "expected a quoted name",
		`{0: 'a}`:            "no closing '",
		`{0: 'a\x41'}`:       "unknown escape",
		`{0: 'a'} {1: 'b'}`:  "unexpected text",
		`{0: 'a\`:            "unknown escape",
		`{"x": 'a'}`:         "invalid syntax",
		`['a', 'b'}`:         "expected , or ]",
		`{99999999999: 'a'}`: "none for index 0",
	} {
		if got, err := parseNames(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, error %v, want one with %q", text, got, err, want)
		}
	}
}

func TestCOCO(t *testing.T) {
	words := COCO()
	if len(words) != 80 {
		t.Fatalf("%d classes, want 80", len(words))
	}
	for i, want := range map[int]string{0: "person", 14: "bird", 16: "dog", 32: "sports ball", 52: "hot dog", 79: "toothbrush"} {
		if words[i] != want {
			t.Errorf("class %d is %q, want %q", i, words[i], want)
		}
	}
}
