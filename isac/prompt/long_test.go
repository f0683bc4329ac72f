package prompt

import (
	"strings"
	"testing"
	"time"
)

// TestLong reads long texts that a grammar might go over again and again: the time grows with the text, not with its square.
func TestLong(t *testing.T) {
	for _, piece := range []string{
		"both ", "both the ", "the ", "only ", "half a ", "one red and ", "a group of ", "two of the ", "twenty ", "one hundred and ", "red, ", "happily ", "cat x ", "cats: ",
		"(", "((a) ", "{a|", "[a:", "<lora:", `\(`, "is red and ", "boys take ", "on the ", "fire breathing ", "x", "'s ", "no ", "more than ", "a cat's ",
		"__", "says \"", "red ", "a cat, ", "the red cat, ", "cat ", "one ", "12 ",
	} {
		text := strings.Repeat(piece, 12000/len(piece))
		start := time.Now()
		check(t, Parse(text))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%d bytes of %q took %v", len(text), piece, took)
		} else if took > 300*time.Millisecond {
			t.Logf("%d bytes of %q took %v", len(text), piece, took)
		}
	}
}
