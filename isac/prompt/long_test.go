package prompt

import (
	"strings"
	"testing"
)

// TestLong reads long texts that a grammar might go over again and again: were the time to grow faster than the square of the length, this
// would not end.
func TestLong(t *testing.T) {
	for _, piece := range []string{
		"both ", "both the ", "the ", "only ", "half a ", "one red and ", "a group of ", "two of the ", "twenty ", "one hundred and ", "red, ", "happily ", "cat x ", "cats: ",
		"(", "((a) ", "{a|", "[a:", "<lora:", `\(`, "is red and ", "boys take ", "on the ", "fire breathing ", "x", "'s ", "no ", "more than ", "a cat's ",
		"__", "says \"", "red ", "a cat, ", "the red cat, ", "cat ", "one ", "12 ",
	} {
		check(t, Parse(strings.Repeat(piece, 4000/len(piece))))
	}
}
