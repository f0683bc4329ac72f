package nodes

import (
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/prompt"
)

func TestParseCounts(t *testing.T) {
	const text = "A photo of two Cats, three wild berries and a hot dog on a box"
	tests := []struct {
		counts string
		want   []prompt.Phrase
	}{
		{"cat=3", []prompt.Phrase{{Class: "cat", Text: "Cats", Count: 3}}},
		{" cats = 1 ;\nhot dog=2,", []prompt.Phrase{{Class: "cats", Text: "Cats", Count: 1}, {Class: "hot dog", Text: "hot dog", Count: 2}}},
		{"berry=4", []prompt.Phrase{{Class: "berry", Text: "berries", Count: 4}}},
		{"photo=1", []prompt.Phrase{{Class: "photo", Text: "photo", Count: 1}}},
		{"WILD=1", []prompt.Phrase{{Class: "wild", Text: "wild", Count: 1}}},
	}
	for _, tt := range tests {
		got, err := parseCounts(tt.counts, text)
		if err != nil || len(got.Phrases) != len(tt.want) || got.Prompt != text {
			t.Errorf("%q: %+v, error %v, want %+v", tt.counts, got, err, tt.want)
			continue
		}
		for i, p := range got.Phrases {
			w := tt.want[i]
			if p.Class != w.Class || p.Text != w.Text || p.Count != w.Count || text[p.Start:p.End] != w.Text {
				t.Errorf("%q: phrase %d is %+v (%q), want %+v", tt.counts, i, p, text[p.Start:p.End], w)
			}
		}
	}
}

func TestParseCountsReportsAllMistakes(t *testing.T) {
	_, err := parseCounts("cat, dog=0, =2, bird=1.5, horse=1, cat=1, cat=2, hat=-1", "a cat in a chat")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"cat":`, `"dog=0"`, `"=2"`, `"bird=1.5"`, `"horse"`, "twice", `"hat=-1"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %s", err, want)
		}
	}
	if _, err := parseCounts(" , ;", "a cat"); err == nil || !strings.Contains(err.Error(), "no class") {
		t.Errorf("an empty list gives %v, want an error that says so", err)
	}
}

func TestFindWord(t *testing.T) {
	tests := []struct {
		word, text string
		from       int
		want       string // the text before the word; "-" if it is not there
	}{
		{"cat", "a cat", 0, "a "},
		{"cat", "scatter the cat", 0, "scatter the "},
		{"cat", "cats", 0, "-"},
		{"cat", "Cat", 0, ""},
		{"cat", "cat cat", 1, "cat "},
		{"kätzchen", "zwei KÄTZCHEN", 0, "zwei "},
		{"at", "Kät at", 0, "Kät "},
		{"cat", "", 0, "-"},
	}
	for _, tt := range tests {
		start, end, ok := findWord(tt.word, tt.text, tt.from)
		switch {
		case ok != (tt.want != "-"):
			t.Errorf("%q in %q: found %v", tt.word, tt.text, ok)
		case ok && (tt.text[:start] != tt.want || !strings.EqualFold(tt.text[start:end], tt.word)):
			t.Errorf("%q in %q: found %q after %q, want it after %q", tt.word, tt.text, tt.text[start:end], tt.text[:start], tt.want)
		}
	}
}

func TestMoveTo(t *testing.T) {
	from := prompt.Parse("two cats and a dog")
	if len(from.Phrases) != 2 {
		t.Fatalf("parsed %+v", from)
	}
	same, err := moveTo(from, from.Prompt)
	if err != nil || len(same.Phrases) != 2 || same.Phrases[1] != from.Phrases[1] {
		t.Errorf("the same text gives %+v, error %v", same, err)
	}
	const positive = "masterpiece, a dog beside two cats"
	moved, err := moveTo(from, positive)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range moved.Phrases {
		if positive[p.Start:p.End] != from.Phrases[i].Text || p.Count != from.Phrases[i].Count {
			t.Errorf("phrase %d moved to %q ×%d, want %q ×%d", i, positive[p.Start:p.End], p.Count, from.Phrases[i].Text, from.Phrases[i].Count)
		}
	}
	if moved.Prompt != positive {
		t.Errorf("moved into %q", moved.Prompt)
	}
	plural, err := moveTo(prompt.Parse("one cat"), "cats everywhere")
	if err != nil || plural.Phrases[0].Text != "cats" {
		t.Errorf("a singular was not found as its plural: %+v, error %v", plural, err)
	}
	if _, err := moveTo(from, "a horse"); err == nil || !strings.Contains(err.Error(), `"cats"`) || !strings.Contains(err.Error(), `"dog"`) {
		t.Errorf("error %v does not name both words that are missing", err)
	}
}

func TestMoveRepeatedWords(t *testing.T) {
	text := "a cat on a mat and a cat on a roof"
	var from prompt.Parsed
	from.Prompt = "x"
	for range 2 {
		from.Phrases = append(from.Phrases, prompt.Phrase{Class: "cat", Text: "cat", Count: 1})
	}
	moved, err := moveTo(from, text)
	if err != nil || moved.Phrases[0].Start == moved.Phrases[1].Start {
		t.Errorf("two mentions moved to %+v, error %v: want the two places of the word", moved.Phrases, err)
	}
}
