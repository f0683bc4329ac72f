package prompt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// read writes phrases as "2 cat, 1 dog", with a ~ before counts that are assumed.
func read(p Parsed) string {
	var out []string
	for _, ph := range p.Phrases {
		tilde := ""
		if ph.Vague {
			tilde = "~"
		}
		out = append(out, fmt.Sprintf("%s%d %s", tilde, ph.Count, ph.Class))
	}
	return strings.Join(out, ", ")
}

// check looks at what must hold for every text.
func check(t *testing.T, p Parsed) {
	t.Helper()
	end := 0
	for _, ph := range p.Phrases {
		if ph.Start < end || ph.End <= ph.Start || ph.End > len(p.Prompt) {
			t.Fatalf("%q: span %d-%d of %q is outside the text, empty, or not after %d", p.Prompt, ph.Start, ph.End, ph.Class, end)
		}
		end = ph.End
		if ph.Text != p.Prompt[ph.Start:ph.End] {
			t.Fatalf("%q: text %q is not the span %d-%d", p.Prompt, ph.Text, ph.Start, ph.End)
		}
		if utf8.ValidString(p.Prompt) && (!utf8.RuneStart(p.Prompt[ph.Start]) || ph.End < len(p.Prompt) && !utf8.RuneStart(p.Prompt[ph.End])) {
			t.Fatalf("%q: span %d-%d cuts a rune", p.Prompt, ph.Start, ph.End)
		}
		for _, a := range ph.Attributes {
			if a.Start < 0 || a.End <= a.Start || a.End > len(p.Prompt) || p.Prompt[a.Start:a.End] != a.Text {
				t.Fatalf("%q: attribute %+v does not stand there", p.Prompt, a)
			}
		}
		if ph.Count < 1 || ph.Class == "" {
			t.Fatalf("%q: phrase %+v has no count or no class", p.Prompt, ph)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ prompt, want, note string }{
		// Numbers.
		{"a photo of two cats and a dog", "2 cat, 1 dog", ""},
		{"five hot dogs", "5 hot dog", ""},
		{"a dog, a cat, and three sheep", "1 dog, 1 cat, 3 sheep", ""},
		{"2 cats", "2 cat", ""},
		{"a couple of dogs", "2 dog", ""},
		{"a couple dogs", "2 dog", ""},
		{"couple of cats", "2 cat", ""},
		{"a pair of cats", "2 cat", ""},
		{"a pair of skis", "2 skis", ""},
		{"a pair of scissors", "1 scissors", ""},
		{"two pairs of scissors and two pairs of shoes", "2 scissors, 4 shoe", ""},
		{"a dozen eggs", "12 egg", ""},
		{"half a dozen donuts", "6 donut", ""},
		{"two dozen roses", "24 rose", ""},
		{"both cats", "2 cat", ""},
		{"twenty-one birds and twenty two planes", "21 bird, 22 plane", ""},
		{"one hundred balloons", "100 balloon", ""},
		{"a single cat and one more dog", "1 cat, 1 dog", ""},
		{"one of the cats is black", "1 cat", ""},
		{"another two cats", "2 cat", ""},
		{"a 5 year old boy", "1 boy", ""},
		{"two or three cats", "2 cat", `"two or three" leaves the number open`},
		{"2-3 cats", "2 cat", `"2-3" leaves the number open`},
		{"1000000 cats", "~2 cat", "too large for a count"},
		{"99999999999999999999999 cats", "~2 cat", "too large for a count"},
		{"2.5 cats", "~2 cat", "gives no number"},
		{"two of them", "", `"two" has no noun`},
		{"2cats", "2 cat", ""},
		// Plurals and names of several words.
		{"three mice, four geese and two children with two knives", "3 mouse, 4 goose, 2 child, 2 knife", ""},
		{"a family of four bears, two wolves and three people", "4 bear, 2 wolf, 3 person", ""},
		{"two octopuses, three buses, a bus and two glasses", "2 octopus, 3 bus, 1 bus, 2 glass", ""},
		{"two teddy bears, three sports balls, a fire hydrant", "2 teddy bear, 3 sports ball, 1 fire hydrant", ""},
		{"six traffic lights", "6 traffic light", ""},
		{"two wine glasses and a glass", "2 wine glass, 1 glass", ""},
		{"5 hot-dogs and four t-shirts", "5 hot dog, 4 t-shirt", ""},
		{"five broccoli, two broccolis", "5 broccoli, 2 broccoli", ""},
		{"a zorblax and two fluffy zorbs", "1 zorblax, 2 zorb", ""},
		{"two horse zorbs", "2 zorb", ""},
		// Adjectives.
		{"a red car", "1 car", ""},
		{"two big, fluffy cats and a black and white dog", "2 cat, 1 dog", ""},
		{"an orange and white cat and an orange", "1 cat, 1 orange", ""},
		{"two orange carrots and three oranges", "2 carrot, 3 orange", ""},
		{"two sleeping cats", "2 cat", ""},
		{"a quick brown fox jumps over the lazy dog", "1 fox, 1 dog", ""},
		{"a cat’s toy", "1 toy", ""},
		// No number.
		{"some dogs", "~2 dog", `"some dogs" gives no number: 2 are assumed`},
		{"several cars and a few people", "~2 car, ~2 person", `"several cars" gives no number`},
		{"dogs", "~2 dog", `"dogs" gives no number`},
		{"the dogs", "~2 dog", "gives no number"},
		{"dozens of birds", "~2 bird", "gives no number"},
		{"a herd of elephants", "~2 elephant", "gives no number"},
		{"a group of five people", "5 person", ""},
		{"cat", "1 cat", ""},
		{"cat, dog, bird", "1 cat, 1 dog, 1 bird", ""},
		{"sheep", "~1 sheep", `"sheep" may be one or many`},
		{"a cats", "~1 cat", "article of one and a plural"},
		// Places, parts, absence, contents.
		{"two cats on a red sofa", "2 cat", `"a red sofa" stands after "on"`},
		{"two cats on a red sofa and a dog", "2 cat, 1 dog", ""},
		{"three apples in two bowls", "3 apple, 2 bowl", ""},
		{"a cat next to a dog in front of a house", "1 cat, 1 dog, 1 house", ""},
		{"a cat on the left and a dog on the right", "1 cat, 1 dog", ""},
		{"a dog on the left of a cat", "1 dog, 1 cat", ""},
		{"a swimming pool with two ducks", "2 duck", "is taken as the scene"},
		{"a dog wearing a red hat", "1 dog", "is taken as a part"},
		{"a woman with long hair and a dog", "1 woman, 1 dog", "is taken as a part"},
		{"a man with a dog", "1 man, 1 dog", ""},
		{"no dogs, two cats without a hat", "2 cat", `"no dogs" is not wanted`},
		{"zero cats and one dog", "1 dog", `"zero cats" is not wanted`},
		{"a bowl of apples", "1 bowl", "contents of one object"},
		{"a bowl of three apples", "3 apple", `"a bowl" holds what is counted`},
		{"two slices of pizza and a cup of coffee", "2 pizza, 1 cup", ""},
		{"a knight in armor fighting a dragon, in the style of Van Gogh", "1 knight, 1 dragon", ""},
		// Repetition.
		{"two dogs. The dogs are running", "2 dog", "what was named before"},
		{"two red apples and three green apples", "2 apple, 3 apple", "the counts are added up"},
		{"a cat or a dog", "1 cat, 1 dog", `"or" leaves a choice open`},
		// What the picture is, and what else prompts hold.
		{"A PHOTO OF TWO CATS AND A DOG!", "2 cat, 1 dog", ""},
		{"an oil painting of two horses running in a field", "2 horse", ""},
		{"close-up of a tiger", "1 tiger", ""},
		{"(two cats:1.2), [a dog]", "2 cat, 1 dog", ""},
		{"two   cats ,and\ta dog", "2 cat, 1 dog", ""},
		{"a cat, photorealistic, 8k, studio lighting", "1 cat", `"8k" was not understood`},
		{"a “cat” and a *dog*", "1 cat, 1 dog", ""},
		{"İstanbul'da two cats", "2 cat", ""},
		{"ein Hund und zwei Katzen", "", `"ein Hund und zwei Katzen" was not understood`},
		{"猫が二匹", "", "was not understood"},
		{"\xff\xfe two cats \x80", "2 cat", ""},
		{"a", "", ""},
		{"", "", ""},
		{"an image of", "", ""},
	} {
		t.Run(tt.prompt, func(t *testing.T) {
			p := Parse(tt.prompt)
			check(t, p)
			if got := read(p); got != tt.want {
				t.Errorf("read %q, want %q (notes %q)", got, tt.want, p.Notes)
			}
			if tt.note != "" && !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, tt.note) }) {
				t.Errorf("notes %q do not say %q", p.Notes, tt.note)
			}
		})
	}
}

// TestNumberWords reads every number up to 120 in words, with and without a hyphen.
func TestNumberWords(t *testing.T) {
	ones := []string{"", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
		"fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tenths := []string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
	for n := 1; n < 100; n++ {
		forms := []string{fmt.Sprint(n)}
		switch {
		case n < 20:
			forms = append(forms, ones[n])
		case n%10 == 0:
			forms = append(forms, tenths[n/10])
		default:
			forms = append(forms, tenths[n/10]+"-"+ones[n%10], tenths[n/10]+" "+ones[n%10])
		}
		for _, form := range forms {
			if got, want := read(Parse(form+" cats")), fmt.Sprintf("%d cat", n); got != want {
				t.Errorf("%q: read %q, want %q", form+" cats", got, want)
			}
		}
	}
}

// TestSingularIsStable holds that every name of the lists is its own singular, so that a class has one name only.
func TestSingularIsStable(t *testing.T) {
	for name := range nouns {
		if inflections[name] != "" && inflections[name] != name {
			continue
		}
		if got := singular(name); got != name {
			t.Errorf("singular(%q) = %q, want the name itself", name, got)
		}
	}
	for given, want := range map[string]string{
		"cats": "cat", "buses": "bus", "people": "person", "geese": "goose", "children": "child", "knives": "knife", "mice": "mouse",
		"sheep": "sheep", "hot dogs": "hot dog", "teddy bears": "teddy bear", "skis": "skis", "ski": "skis", "women": "woman",
		"boxes": "box", "puppies": "puppy", "tomatoes": "tomato", "leaves": "leaf", "shoes": "shoe", "horses": "horse",
		"giraffes": "giraffe", "bikes": "bike", "lenses": "lens", "octopi": "octopus", "policemen": "policeman", "teeth": "tooth",
	} {
		if got := singular(given); got != want {
			t.Errorf("singular(%q) = %q, want %q", given, got, want)
		}
	}
}
