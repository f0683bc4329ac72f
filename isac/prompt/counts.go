package prompt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Counts writes what was read as "cat=2, dog=1", each class once: the form that ParseCounts reads.
func (p Parsed) Counts() string {
	var classes []string
	total := map[string]int{}
	for _, phrase := range p.Phrases {
		if _, known := total[phrase.Class]; !known {
			classes = append(classes, phrase.Class)
		}
		total[phrase.Class] += phrase.Count
	}
	parts := make([]string, len(classes))
	for i, class := range classes {
		parts[i] = fmt.Sprintf("%s=%d", class, total[class])
	}
	return strings.Join(parts, ", ")
}

// mentionsOf gives the phrases of a class.
func mentionsOf(class string, known []Phrase) []Phrase {
	var all []Phrase
	for _, p := range known {
		if p.Class == class {
			all = append(all, p)
		}
	}
	return all
}

// shared divides a count among the mentions of its class, "the left cat and the right cat", so that all their words stand for it.
func shared(class string, count int, mentions []Phrase) []Phrase {
	for i := range mentions {
		mentions[i].Class, mentions[i].Count, mentions[i].Vague = class, 1, false
	}
	mentions[0].Count = count - len(mentions) + 1
	return mentions
}

// ParseCounts reads "cat=2, dog=1" against a text that holds these words: each class stands where the text has it, in the
// singular or the plural, and at all its mentions where it has several. Commas, semicolons and line ends separate. All mistakes are reported together.
func ParseCounts(counts, text string) (Parsed, error) {
	parsed := Parsed{Prompt: text}
	known := Parse(text).Phrases
	var errs []error
	seen := map[string]bool{}
	for item := range strings.FieldsFuncSeq(counts, func(r rune) bool { return strings.ContainsRune(",;\n", r) }) {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		class, number, ok := strings.Cut(item, "=")
		class = strings.ToLower(strings.TrimSpace(class))
		count, err := strconv.Atoi(strings.TrimSpace(number))
		switch {
		case !ok || class == "" || err != nil || count < 1:
			errs = append(errs, fmt.Errorf("%q: expected a class and a count of at least 1, such as cat=2", item))
			continue
		case seen[class]:
			errs = append(errs, fmt.Errorf("%q: the class is given twice", item))
			continue
		}
		seen[class] = true
		if mentions := mentionsOf(class, known); len(mentions) > 1 && count >= len(mentions) {
			parsed.Phrases = append(parsed.Phrases, shared(class, count, mentions)...)
			continue
		}
		start, end, found := find(class, text, known)
		if !found {
			errs = append(errs, fmt.Errorf("%q: the word %q is not in the text %q: guidance needs the word that the picture is made from", item, class, text))
			continue
		}
		phrase := Phrase{Class: class, Text: text[start:end], Count: count, Start: start, End: end}
		for _, p := range known {
			if p.Start == start {
				phrase.Attributes = p.Attributes
			}
		}
		parsed.Phrases = append(parsed.Phrases, phrase)
	}
	if len(errs) == 0 && len(parsed.Phrases) == 0 {
		errs = append(errs, errors.New("no class: expected a list such as cat=2, dog=1"))
	}
	if err := errors.Join(errs...); err != nil {
		return Parsed{}, fmt.Errorf("override %q: %w", counts, err)
	}
	return parsed, nil
}
