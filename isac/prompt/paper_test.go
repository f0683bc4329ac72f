package prompt

import (
	"fmt"
	"strings"
	"testing"
)

// paperClasses are the 37 classes of the paper's benchmark (table 5), in its four groups.
var paperClasses = [][]string{
	{"cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"},
	{"bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"},
	{"skateboard", "snowboard", "skis", "sports ball", "baseball bat", "baseball glove", "tennis racket", "surfboard", "kite", "frisbee"},
	{"banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake"},
}

// plural is how a person writes the plurals of the paper's classes.
func plural(class string) string {
	switch class {
	case "sheep", "skis", "broccoli":
		return class
	case "bus", "sandwich":
		return class + "es"
	}
	return class + "s"
}

func article(class string) string {
	if strings.ContainsRune("aeiou", rune(class[0])) {
		return "an " + class
	}
	return "a " + class
}

// TestPaperInstances reads "A photo of five cats" for all 37 classes, 2 to 5, in words and in digits, without a note.
func TestPaperInstances(t *testing.T) {
	words := map[int][]string{2: {"two", "2"}, 3: {"three", "3"}, 4: {"four", "4"}, 5: {"five", "5"}}
	for _, group := range paperClasses {
		for _, class := range group {
			for n, forms := range words {
				for _, form := range forms {
					text := fmt.Sprintf("A photo of %s %s", form, plural(class))
					p := Parse(text)
					check(t, p)
					if got, want := read(p), fmt.Sprintf("%d %s", n, class); got != want {
						t.Errorf("%q: read %q, want %q", text, got, want)
					}
					if len(p.Notes) > 0 {
						t.Errorf("%q: notes %q, want none", text, p.Notes)
					}
					if len(p.Phrases) == 1 && p.Phrases[0].Text != plural(class) {
						t.Errorf("%q: span holds %q, want %q", text, p.Phrases[0].Text, plural(class))
					}
				}
			}
		}
	}
}

// TestPaperClasses reads "A photo of a dog, a cat, and a cow." for every run of 2 to 5 classes of each group, without a note.
func TestPaperClasses(t *testing.T) {
	for _, group := range paperClasses {
		for k := 2; k <= 5; k++ {
			for first := range group {
				var parts, want []string
				for i := range k {
					class := group[(first+i)%len(group)]
					parts, want = append(parts, article(class)), append(want, "1 "+class)
				}
				text := "A photo of " + strings.Join(parts[:k-1], ", ") + ", and " + parts[k-1] + "."
				if k == 2 {
					text = "A photo of " + parts[0] + " and " + parts[1] + "."
				}
				p := Parse(text)
				check(t, p)
				if got := read(p); got != strings.Join(want, ", ") {
					t.Errorf("%q: read %q, want %q", text, got, want)
				}
				if len(p.Notes) > 0 {
					t.Errorf("%q: notes %q, want none", text, p.Notes)
				}
			}
		}
	}
}
