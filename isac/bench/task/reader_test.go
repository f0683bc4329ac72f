package task

import (
	"strings"
	"testing"
)

// TestReader holds that prompts which are not read are counted and listed, and lines that are no prompts are neither.
func TestReader(t *testing.T) {
	_, reader, notes, err := ReadNumeracy(strings.NewReader(numeracyLines))
	if err != nil {
		t.Fatal(err)
	}
	if reader.Prompts != 10 || len(reader.Unread) != 3 || len(notes) != 7 {
		t.Fatalf("%+v, notes %q", reader, notes)
	}
	for i, want := range []Unread{
		{9, "some owls", `gives no number for "owls"`}, {10, "the sea at night", "names no object to count"},
		{11, "two of them sing", `has a "two" that is not read as a number of objects`},
	} {
		if reader.Unread[i] != want {
			t.Errorf("%+v, want %+v", reader.Unread[i], want)
		}
	}
	if got := reader.String(); got != "the reader of prompts failed on 3 of 10 (30.0 %)" {
		t.Error(got)
	}
}
