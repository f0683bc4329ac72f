package prompt

import (
	"strings"
	"testing"
)

// TestMarkup reads prompts with the syntax of hosts, and looks at what the reader says of it.
func TestMarkup(t *testing.T) {
	for _, tt := range []struct{ prompt, want, note string }{
		{"three (cats:1.3) and a dog", "3 cat, 1 dog", ""},
		{"three (cats:3)", "3 cat", ""},
		{"(cats:3)", "~2 cat", "gives no number"},
		{"three [cats]", "3 cat", ""},
		{"three ((cats)), (((a dog)))", "3 cat, 1 dog", ""},
		{"<lora:two_dogs:0.8> a cat", "1 cat", `"<lora:two_dogs:0.8>" is a tag for the host`},
		{"embedding:dogs, a cat", "1 cat", `"embedding:dogs" is an embedding`},
		{"two __animals__ and a cat", "1 cat", `"__animals__" is a wildcard that was not replaced`},
		{`two cats \(a dog\)`, "2 cat", "explains what stands before it"},
		{`cats \(3\)`, "3 cat", ""},
		{"two cats BREAK a dog", "2 cat, 1 dog", `"BREAK" ends a part`},
		{"three {cats|dogs}", "3 cat", `"{cats|dogs}" is a choice that was not made`},
		{"three {{cats|owls}|dogs}", "3 cat", `"{cats|owls}" is a choice`},
		{"three {2::cats|dogs} and {2$$a bird|a fish}", "3 cat, 1 bird", "is a choice"},
		{"a [cat|dog]", "1 cat", "changes the prompt while sampling"},
		{"a [cat:dog:0.5]", "1 cat", "changes the prompt while sampling"},
		{"a [cat:0.5]", "1 cat", ""},
		{`a sign that says "two dogs"`, "1 sign", `"two dogs" is lettering`},
		{"(unclosed two cats", "2 cat", ""},
		{"unopened) two] cats}", "2 cat", ""},
	} {
		p := Parse(tt.prompt)
		check(t, p)
		if got := read(p); got != tt.want {
			t.Errorf("%q: read %q, want %q (notes %q)", tt.prompt, got, tt.want, p.Notes)
		}
		if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
			t.Errorf("%q: notes %q, want %q", tt.prompt, p.Notes, tt.note)
		}
	}
}

// TestMarkupKeepsPlaces holds that what is taken out leaves all other bytes where they were.
func TestMarkupKeepsPlaces(t *testing.T) {
	for _, text := range []string{"<lora:é:1> (käse:1.2) {ä|ö} \\(ü\\) [a:ß:0.5] BREAK embedding:x", "{{{{{a|b}|c}|d}|e}|f}", "((", "))", "{|}", "[::]", "\\(\\)"} {
		plain, _ := markup(text)
		if len(plain) != len(text) {
			t.Fatalf("%q became %q", text, plain)
		}
		for i := range plain {
			if plain[i] != text[i] && plain[i] != ' ' && plain[i] != ',' {
				t.Errorf("%q: byte %d became %q", text, i, plain[i])
			}
		}
	}
}
