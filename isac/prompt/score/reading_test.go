package main

import (
	"strings"
	"testing"
)

// TestReadings holds the reader to what a person reads in the prompts of testdata/readings.tsv.
func TestReadings(t *testing.T) {
	result, err := scoreFile("../testdata/readings.tsv", false)
	if err != nil {
		t.Fatal(err)
	}
	if result.Prompts < 300 {
		t.Errorf("%d prompts, expected at least 300", result.Prompts)
	}
	for _, d := range result.Differences {
		t.Error(d)
	}
}

func TestScoreLines(t *testing.T) {
	lines := "# a comment\n\ntwo cats\tcat=2\ntwo cats\tcat=3\nsome dogs\tdog=?\nsome dogs\tdog=2\nthe sea\t-\nthe sea\na bear trap\tbear trap=1\ntwo cats\tcat=2, dog=1\n"
	result, err := scoreLines("f", strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	if result.Prompts != 8 || len(result.Differences) != 3 || result.Rate() != 37.5 {
		t.Fatalf("%+v, %v %%", result, result.Rate())
	}
	for i, want := range []string{`f:4: "two cats" is read as "cat=2", expected "cat=3"`, `f:6: "some dogs" is read as "dog=?"`, `f:10: "two cats"`} {
		if !strings.HasPrefix(result.Differences[i], want) {
			t.Errorf("difference %q, want %q", result.Differences[i], want)
		}
	}
	_, err = scoreLines("f", strings.NewReader("a\tcat\nb\tcat=0\nc\t=2\nd\tcat=x"))
	if err == nil || strings.Count(err.Error(), "is no reading") != 4 || !strings.Contains(err.Error(), "f:2:") {
		t.Errorf("error %v, want all four lines", err)
	}
	var out strings.Builder
	if err := printLines(&out, strings.NewReader("two cats and some dogs\n")); err != nil || !strings.HasPrefix(out.String(), "two cats and some dogs\tcat=2, dog=?\t") {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}
