package prompt

import (
	"strings"
	"testing"
)

// attributes writes phrases as "chair: red wooden; table: small".
func attributes(t *testing.T, p Parsed) string {
	t.Helper()
	var out []string
	for _, ph := range p.Phrases {
		line := ph.Class + ":"
		for _, a := range ph.Attributes {
			if a.Start < 0 || a.End > len(p.Prompt) || p.Prompt[a.Start:a.End] != a.Text {
				t.Fatalf("%q: attribute %+v does not stand there", p.Prompt, a)
			}
			line += " " + a.Text
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestAttributes(t *testing.T) {
	for text, want := range map[string]string{
		"a red wooden chair and a small table":         "chair: red wooden; table: small",
		"two big, fluffy cats":                         "cat: big fluffy",
		"a black and white cow next to a blue car":     "cow: black white; car: blue",
		"one white and two black cats":                 "cat: white black",
		"two red and three blue balls":                 "ball: red blue",
		"the left cat and the right cat":               "cat: left; cat: right",
		"a very big dog":                               "dog: big",
		"a diamond-shaped pendant":                     "pendant: diamond-shaped",
		"the car is red and shiny, the bus is green":   "car: red shiny; bus: green",
		"a glass bottle with a golden lid":             "bottle: glass",
		"three (RED:1.2) (cats:1.1)":                   "cat: RED",
		"a sleeping dog and a painted box":             "dog: sleeping; box: painted",
		"the cat on the left and the cat on the right": "cat: left; cat: right",
		"a bed on the left side of a lamp":             "bed:; lamp:",
		"a cat and a dog":                              "cat:; dog:",
		"more than two spotted dogs":                   "dog: spotted",
		"a red ball and a blue one":                    "ball: red blue",
	} {
		p := Parse(text)
		check(t, p)
		if got := attributes(t, p); got != want {
			t.Errorf("%q: attributes %q, want %q", text, got, want)
		}
	}
}

// TestAttributesMove holds that attributes are found again in another prompt, and are left out where it has none.
func TestAttributesMove(t *testing.T) {
	moved, err := Parse("a red car and a green bus").In("masterpiece, a bus beside a shiny red car, red sky")
	if err != nil {
		t.Fatal(err)
	}
	if got := attributes(t, moved); got != "car: red; bus:" {
		t.Errorf("attributes %q", got)
	}
	if at := moved.Phrases[0].Attributes[0].Start; at != strings.Index(moved.Prompt, "red car") {
		t.Errorf("the attribute is at %d", at)
	}
}
