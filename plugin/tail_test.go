package plugin

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	stack := strings.Repeat("\n\tsomewhere.go:1 +0x1", 50)
	for _, test := range []struct{ name, wrote, want string }{
		{"nothing", "", ""},
		{"lines", "one\ntwo\n", "one\ntwo"},
		{"log", `{"@level":"error","@message":"no place","error":"disk full","@module":"x"}` + "\n", "[error] no place: disk full"},
		{"other JSON", `{"a":1}` + "\n", `{"a":1}`},
		{"crash", "before\npanic: oh\n\ngoroutine 1 [running]:" + stack, "panic: oh\n\ngoroutine 1 [running]:" + strings.Repeat("\n\tsomewhere.go:1 +0x1", 9)},
		{"many", strings.Repeat("x\n", 100), strings.TrimSuffix(strings.Repeat("x\n", tailLines), "\n")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var last tail
			fmt.Fprint(&last, test.wrote)
			if got := last.String(); got != test.want {
				t.Errorf("got %q, expected %q", got, test.want)
			}
		})
	}
}

func TestTailIsBounded(t *testing.T) {
	var last tail
	for i := range 100_000 {
		fmt.Fprintf(&last, "line %d\n", i)
	}
	if len(last.bytes) > 2*tailBytes {
		t.Errorf("keeps %d bytes, expected at most %d", len(last.bytes), 2*tailBytes)
	}
	if !strings.HasSuffix(last.String(), "line 99999") {
		t.Errorf("ends with %q", last.String()[len(last.String())-20:])
	}
}
