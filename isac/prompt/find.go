package prompt

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// find finds where a text names a class: as the parser read it, else the word itself, else another number of it.
func find(class, text string, known []Phrase) (start, end int, ok bool) {
	for _, p := range known {
		if p.Class == class || strings.EqualFold(p.Text, class) {
			return p.Start, p.End, true
		}
	}
	if start, end, ok = findWord(class, text, 0); ok {
		return start, end, true
	}
	p := &parser{text: text, words: scan(text)}
	wanted, n := singular(class), len(strings.Fields(class))
	for i := range p.words {
		if name := p.name(i, n); name != "" && singular(name) == wanted {
			return p.words[i].start, p.words[i+n-1].end, true
		}
	}
	return 0, 0, false
}

// findWord finds word in text from a byte position on, in either case, where it is not part of a longer word.
func findWord(word, text string, from int) (start, end int, ok bool) {
	for start = from; start+len(word) <= len(text); start++ {
		end = start + len(word)
		if !strings.EqualFold(text[start:end], word) {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !inWord(before) && !inWord(after) {
			return start, end, true
		}
	}
	return 0, 0, false
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// moveAttributes finds attributes in another text: each where it stands last before the class, else first after it. Those that the
// text does not hold are left out.
func moveAttributes(attributes []Attribute, text string, class int) []Attribute {
	var moved []Attribute
	for _, a := range attributes {
		last, found := Attribute{}, false
		for from := 0; ; {
			start, end, ok := findWord(a.Text, text, from)
			if !ok || found && start > class {
				break
			}
			last, found, from = Attribute{text[start:end], start, end}, true, end
		}
		if found {
			moved = append(moved, last)
		}
	}
	return moved
}

// In finds the phrases of p in another text, in order: guidance reads positions in the prompt that was encoded, which may be
// longer than the text that the classes were read from. The error names every word that the text does not hold.
func (p Parsed) In(text string) (Parsed, error) {
	if p.Prompt == text {
		return p, nil
	}
	moved := Parsed{Prompt: text, Notes: p.Notes}
	next := map[string]int{} // where to go on looking for a word that is named more than once
	var errs []error
	for _, phrase := range p.Phrases {
		word := strings.ToLower(phrase.Text)
		start, end, ok := findWord(word, text, next[word])
		if !ok && next[word] == 0 {
			start, end, ok = find(phrase.Class, text, nil)
		}
		if !ok {
			errs = append(errs, fmt.Errorf("%q is not in the positive prompt %q", phrase.Text, text))
			continue
		}
		next[word] = end
		phrase.Text, phrase.Start, phrase.End = text[start:end], start, end
		phrase.Attributes = moveAttributes(phrase.Attributes, text, start)
		moved.Phrases = append(moved.Phrases, phrase)
	}
	if err := errors.Join(errs...); err != nil {
		return Parsed{}, fmt.Errorf("%w: expected the prompt to hold every word that is to be guided", err)
	}
	return moved, nil
}
