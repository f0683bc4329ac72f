package syntax

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The readings themselves are compared with ComfyUI's in package clip, by the tokens that come of them. Here is what tokens do not show.

func TestParsePlaces(t *testing.T) {
	type piece struct {
		text   string
		weight float64
		place  string // what Text stands for in the prompt
	}
	for prompt, want := range map[string][]piece{
		"a cat":                         {{"a cat", 1, "a cat"}},
		"two (cats:1.3) and":            {{"two ", 1, "two "}, {"cats", 1.3, "cats"}, {" and", 1, " and"}},
		`a \(b\)`:                       {{"a (b)", 1, `a \(b\)`}},
		`(é\):2)`:                       {{"é)", 2, `é\)`}},
		"((a) b":                        {{"((a) b", 1, "((a) b"}},
		"((a)":                          {{"(a", 1.1, "(a"}},
		"x embedding:one, y":            {{"x", 1, "x"}, {"one, y", 1, "one, y"}},
		"(embedding:one:0.5) (a:1e400)": {{"one", 0.5, "one"}, {" ", 1, " "}, {"a", math.Inf(1), "a"}},
	} {
		var got []piece
		for _, p := range Parse(prompt) {
			first, last := p.Place(0, len(p.Text))
			got = append(got, piece{p.Text, p.Weight, prompt[first:last]})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", prompt, got, want)
		}
	}
	p := Parse("x  embedding:one, y")[1]
	if name, end := p.Name(); !p.Embedding || name != "one," || p.Begin() != 3 || p.After(end).Text != " y" || p.After(end).Embedding {
		t.Errorf("%+v is called %q and goes on with %q", p, name, p.After(end).Text)
	}
}

// TestUnread holds that what is text is told, each kind once, and that what is read is not told.
func TestUnread(t *testing.T) {
	for prompt, want := range map[string]int{
		"two cats, (a dog:1.2), ((x)) embedding:one": 0, "a < b > c": 0, "breaking BREAKFAST": 0, "a [] b {x}": 0,
		"<lora:a:1> <lora:b:0.5>": 1, "[a] [b]": 1, "[a:b:0.5]": 1, "[a|b]": 1, "{a|b} BREAK [c] __color__": 4,
	} {
		if got := Unread(prompt); len(got) != want {
			t.Errorf("%q: %q, want %d notes", prompt, got, want)
		}
	}
	if got := Unread("<lora:a:1> <lora:b:0.5> <lora:c:1>"); !strings.HasPrefix(got[0], "<lora:a:1> (and 2 more)") {
		t.Errorf("%q", got)
	}
}

// TestParseDeep holds that prompts of strangers neither exhaust the stack nor take the square of their length.
func TestParseDeep(t *testing.T) {
	start := time.Now()
	for _, prompt := range []string{strings.Repeat("(", 20_000) + "a" + strings.Repeat(")", 20_000), strings.Repeat("(a", 50_000), strings.Repeat(" embedding:a", 10_000)} {
		if len(Parse(prompt)) == 0 {
			t.Error("nothing was read")
		}
		Unread(prompt)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "(a:1.2) b", `\(\)`, "embedding:x (y", "\x00\x01", "\xff(:)", "(((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, prompt string) {
		last := 0
		for _, p := range Parse(prompt) {
			for i := range len(p.Text) {
				first, end := p.Place(i, i+1)
				if first < last || end <= first || end > len(prompt) {
					t.Fatalf("%q: byte %d of %q stands for [%d,%d) after %d", prompt, i, p.Text, first, end, last)
				}
				last = first
			}
		}
	})
}
