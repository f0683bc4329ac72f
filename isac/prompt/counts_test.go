package prompt

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseCounts(t *testing.T) {
	const text = "A photo of two Cats, three wild berries and a hot dog on a box; children, Knives"
	tests := []struct {
		counts string
		want   []Phrase
	}{
		{"cat=3", []Phrase{{Class: "cat", Text: "Cats", Count: 3}}},
		{" cats = 1 ;\nhot dog=2,", []Phrase{{Class: "cats", Text: "Cats", Count: 1}, {Class: "hot dog", Text: "hot dog", Count: 2}}},
		{"berry=4", []Phrase{{Class: "berry", Text: "berries", Count: 4}}},
		{"photo=1", []Phrase{{Class: "photo", Text: "photo", Count: 1}}},
		{"WILD=1", []Phrase{{Class: "wild", Text: "wild", Count: 1}}},
		{"child=2, knife=1, hot dogs=3", []Phrase{{Class: "child", Text: "children", Count: 2}, {Class: "knife", Text: "Knives", Count: 1}, {Class: "hot dogs", Text: "hot dog", Count: 3}}},
	}
	for _, tt := range tests {
		got, err := ParseCounts(tt.counts, text)
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
	_, err := ParseCounts("cat, dog=0, =2, bird=1.5, horse=1, cat=1, cat=2, hat=-1", "a cat in a chat")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"cat": expected`, `"dog=0": expected`, `"=2": expected`, `"bird=1.5"`, `"horse"`, "twice", `"hat=-1"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %s", err, want)
		}
	}
	if _, err := ParseCounts(" , ;", "a cat"); err == nil || !strings.Contains(err.Error(), "no class") {
		t.Errorf("an empty list gives %v, want an error that says so", err)
	}
}

// TestCounts holds that what was read is written by classes, and read again as the same.
func TestCounts(t *testing.T) {
	text := "two Cats and a hot dog"
	read := Parse(text)
	if got := read.Counts(); got != "cat=2, hot dog=1" {
		t.Errorf("counts %q of %q", got, text)
	}
	if again, err := ParseCounts(read.Counts(), text); err != nil || len(again.Phrases) != 2 || !reflect.DeepEqual(again.Phrases[1], read.Phrases[1]) {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestParseCountsGoesByTheParser holds that a class stands where the parser read it, though its word comes earlier.
func TestParseCountsGoesByTheParser(t *testing.T) {
	const text = "a cat-shaped box and two cats"
	got, err := ParseCounts("cat=3", text)
	if err != nil || got.Phrases[0].Start != strings.Index(text, "cats") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFind holds the order in which a class is looked for: as the parser read it, by its class or its text, the word itself, another
// number of it.
func TestFind(t *testing.T) {
	const text = "cats, cats and a cat"
	second := []Phrase{{Class: "cat", Text: "cats", Start: 6, End: 10}}
	for _, tt := range []struct {
		class string
		known []Phrase
		start int
	}{{"cat", second, 6}, {"cats", second, 6}, {"cat", nil, 17}, {"cats", nil, 0}} {
		if start, _, ok := find(tt.class, text, tt.known); !ok || start != tt.start {
			t.Errorf("%q is found at %d, want %d", tt.class, start, tt.start)
		}
	}
	if start, end, ok := find("cat", "two cats", nil); !ok || start != 4 || end != 8 {
		t.Errorf("a plural is found at %d to %d", start, end)
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
		{"cat", "cat5 9cat cat", 0, "cat5 9cat "},
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

// TestCountsOfMentions holds that a class that is named more than once is overridden at all its places.
func TestCountsOfMentions(t *testing.T) {
	text := "the left cat, the right cat and a dog"
	if got := Parse(text).Counts(); got != "cat=2, dog=1" {
		t.Fatalf("counts %q", got)
	}
	p, err := ParseCounts("cat=5, dog=2", text)
	if err != nil || p.Counts() != "cat=5, dog=2" || len(p.Phrases) != 3 || p.Phrases[1].Start != strings.LastIndex(text, "cat") {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = ParseCounts("cat=1", text); err != nil || len(p.Phrases) != 1 || p.Phrases[0].Count != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if got := p.Phrases[0].Attributes; len(got) != 1 || got[0].Text != "left" {
		t.Errorf("attributes %+v", got)
	}
}

func TestIn(t *testing.T) {
	from := Parse("two cats and a dog")
	if len(from.Phrases) != 2 {
		t.Fatalf("parsed %+v", from)
	}
	same, err := from.In(from.Prompt)
	if err != nil || len(same.Phrases) != 2 || !reflect.DeepEqual(same.Phrases[1], from.Phrases[1]) {
		t.Errorf("the same text gives %+v, error %v", same, err)
	}
	const positive = "masterpiece, a dog beside two cats"
	moved, err := from.In(positive)
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
	plural, err := Parse("one cat").In("cats everywhere")
	if err != nil || plural.Phrases[0].Text != "cats" {
		t.Errorf("a singular was not found as its plural: %+v, error %v", plural, err)
	}
	later := Parsed{Prompt: "cat show with a cat", Phrases: []Phrase{{Class: "cat", Text: "cat", Count: 1, Start: 16, End: 19}}}
	if same, err := later.In(later.Prompt); err != nil || same.Phrases[0].Start != 16 {
		t.Errorf("in its own text a word moved: %+v, %v", same, err)
	}
	if vague, err := Parse("some dogs").In("some dogs, in a wood"); err != nil || len(vague.Notes) == 0 {
		t.Errorf("notes were lost: %+v, %v", vague, err)
	}
	if _, err := from.In("a horse"); err == nil || !strings.Contains(err.Error(), `"cats"`) || !strings.Contains(err.Error(), `"dog"`) {
		t.Errorf("error %v does not name both words that are missing", err)
	}
}

func TestInFindsRepeatedWords(t *testing.T) {
	text := "a cat on a mat and a cat on a roof"
	var from Parsed
	from.Prompt = "x"
	for range 2 {
		from.Phrases = append(from.Phrases, Phrase{Class: "cat", Text: "cat", Count: 1})
	}
	moved, err := from.In(text)
	if err != nil || moved.Phrases[0].Start == moved.Phrases[1].Start {
		t.Errorf("two mentions moved to %+v, error %v: want the two places of the word", moved.Phrases, err)
	}
	if moved, err := from.In("a cat"); err == nil || !strings.Contains(err.Error(), `"cat"`) {
		t.Errorf("two mentions of a word that is there once moved to %+v", moved.Phrases)
	}
}
