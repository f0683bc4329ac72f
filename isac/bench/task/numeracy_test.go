package task

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// numeracyLines are in the manner of T2I-CompBench++'s prompts.
var numeracyLines = "\ufefftwo owls\r\n" +
	"\r\n" +
	"one harp\n" +
	"four cars waited on the road\n" +
	"three lamps and two goats\n" +
	"two harps, a goat, and four candles filled the garage\n" +
	"five goats licked the picnic table\n" +
	"two owls\n" + // line 8: again
	"some owls\n" + // line 9: no number
	"the sea at night\n" + // line 10: no object
	"two of them sing\n" + // line 11: a number of nothing
	"sixty goats\n" + // line 12: too many
	"two \xff\n" + // line 13: no UTF-8
	strings.Repeat("two owls ", 500) + "\n" + // line 14: too long
	"two goats, a goat and three sheep" // without an end

func describeItems(items []Item) []string {
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprintf("%s %d %q %v", i.Task, i.Level, i.Prompt, i.Wanted))
	}
	return out
}

func TestNumeracy(t *testing.T) {
	items, notes, err := Numeracy(strings.NewReader(numeracyLines))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`numeracy 1 "one harp" [{harp 1}]`,
		`numeracy 2 "two owls" [{owl 2}]`,
		`numeracy 4 "four cars waited on the road" [{car 4}]`,
		`numeracy 5 "five goats licked the picnic table" [{goat 5}]`,
		`numeracy 5 "three lamps and two goats" [{lamp 3} {goat 2}]`,
		`numeracy 6 "two goats, a goat and three sheep" [{goat 3} {sheep 3}]`,
		`numeracy 7 "two harps, a goat, and four candles filled the garage" [{harp 2} {goat 1} {candle 4}]`,
	}
	if got := describeItems(items); !slices.Equal(got, want) {
		t.Errorf("items\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantNotes := []string{"line 8 ", "line 9 ", "line 10 ", "line 11 ", "line 12 ", "line 13 ", "line 14 "}
	if len(notes) != len(wantNotes) {
		t.Fatalf("notes %q", notes)
	}
	for i, n := range notes {
		if !strings.HasPrefix(n, wantNotes[i]) {
			t.Errorf("note %q, want one of %s", n, wantNotes[i])
		}
	}
	for _, bad := range []string{"", "\n\n", "the sea\nat night\n"} {
		if _, _, err := Numeracy(strings.NewReader(bad)); err == nil {
			t.Errorf("%q has no prompt and is no error", bad)
		}
	}
	if _, _, err := Numeracy(strings.NewReader("two owls\n" + strings.Repeat("a", 2*maxLine))); err == nil || !strings.Contains(err.Error(), "after line 1") {
		t.Errorf("a line without end: %v", err)
	}
}

func TestDefinite(t *testing.T) {
	for text, want := range map[string]bool{
		"two cats filled the |": true, "filled their toy |": true, "the two |": false, "a lively |": false, "the garage and a |": false,
		"": false, "cats and |": false, "in THE old |": true,
	} {
		if got := definite(strings.TrimSuffix(text, "|")); got != want {
			t.Errorf("%q is definite: %v", text, got)
		}
	}
}

// FuzzNumeracy holds for any file: items have objects, each class once, levels that add up, each prompt once; every line is an item,
// a note or blank.
func FuzzNumeracy(f *testing.F) {
	for _, s := range []string{numeracyLines, "two cats\n\n\x00", "five\n1 2 3 4 cats", "\ufeff", "a cat, a cat, a cat", "999 cats and one two three", "the the the dogs’"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		items, notes, err := Numeracy(strings.NewReader(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, i := range items {
			classes, total := map[string]bool{}, 0
			for _, w := range i.Wanted {
				if w.Count < 1 || w.Class == "" || classes[w.Class] {
					t.Fatalf("%q wants %v", i.Prompt, i.Wanted)
				}
				classes[w.Class], total = true, total+w.Count
			}
			if i.Task != score.TaskNumeracy || total != i.Level || total < 1 || total > maxObjects || seen[i.Prompt] || i.Prompt == "" {
				t.Fatalf("item %+v", i)
			}
			seen[i.Prompt] = true
		}
		lines := 0
		for _, line := range strings.Split(text, "\n") {
			if strings.TrimSpace(strings.TrimPrefix(strings.TrimSuffix(line, "\r"), "\ufeff")) != "" {
				lines++
			}
		}
		if lines != len(items)+len(notes) {
			t.Fatalf("%d lines became %d items and %d notes", lines, len(items), len(notes))
		}
	})
}
