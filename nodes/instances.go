package nodes

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/isac-guidance/isac/isac/prompt"
)

// Instances is the value of type ISAC_INSTANCES: which objects a picture shall hold, and where a text names them.
type Instances struct {
	held
	Parsed prompt.Parsed
}

// ComfyType is "ISAC_INSTANCES".
func (*Instances) ComfyType() string { return "ISAC_INSTANCES" }

// describe writes phrases as "cat=2, dog=1": the form that parseCounts reads.
func describe(phrases []prompt.Phrase) string {
	parts := make([]string, len(phrases))
	for i, p := range phrases {
		parts[i] = fmt.Sprintf("%s=%d", p.Class, p.Count)
	}
	return strings.Join(parts, ", ")
}

// parseCounts reads "cat=2, dog=1" against a text that holds these words: each class stands where the text has it, in the
// singular or the plural. Commas, semicolons and line ends separate. All mistakes are reported together.
func parseCounts(counts, text string) (prompt.Parsed, error) {
	parsed := prompt.Parsed{Prompt: text}
	known := prompt.Parse(text).Phrases
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
		start, end, found := findClass(class, text, known)
		if !found {
			errs = append(errs, fmt.Errorf("%q: the word %q is not in the text %q: guidance needs the word that the picture is made from", item, class, text))
			continue
		}
		parsed.Phrases = append(parsed.Phrases, prompt.Phrase{Class: class, Text: text[start:end], Count: count, Start: start, End: end})
	}
	if len(errs) == 0 && len(parsed.Phrases) == 0 {
		errs = append(errs, errors.New("no class: expected a list such as cat=2, dog=1"))
	}
	if err := errors.Join(errs...); err != nil {
		return prompt.Parsed{}, fmt.Errorf("override %q: %w", counts, err)
	}
	return parsed, nil
}

// findClass finds where a text names a class: as the parser read it, else the word itself, else its regular plural.
func findClass(class, text string, known []prompt.Phrase) (start, end int, ok bool) {
	for _, p := range known {
		if p.Class == class || strings.EqualFold(p.Text, class) {
			return p.Start, p.End, true
		}
	}
	forms := []string{class, class + "s", class + "es"}
	if stem, y := strings.CutSuffix(class, "y"); y {
		forms = append(forms, stem+"ies")
	}
	for _, form := range forms {
		if start, end, ok = findWord(form, text, 0); ok {
			return start, end, true
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

// moveTo finds the phrases of p in another text, in order: guidance reads positions in the prompt that was encoded, which may
// be longer than the text that the classes were read from.
func moveTo(p prompt.Parsed, text string) (prompt.Parsed, error) {
	if p.Prompt == text {
		return p, nil
	}
	moved := prompt.Parsed{Prompt: text, Notes: p.Notes}
	next := map[string]int{} // where to go on looking for a word that is named more than once
	var errs []error
	for _, phrase := range p.Phrases {
		word := strings.ToLower(phrase.Text)
		start, end, ok := findWord(word, text, next[word])
		if !ok && next[word] == 0 {
			start, end, ok = findClass(phrase.Class, text, nil)
		}
		if !ok {
			errs = append(errs, fmt.Errorf("%q is not in the positive prompt %q", phrase.Text, text))
			continue
		}
		next[word] = end
		phrase.Text, phrase.Start, phrase.End = text[start:end], start, end
		moved.Phrases = append(moved.Phrases, phrase)
	}
	if err := errors.Join(errs...); err != nil {
		return prompt.Parsed{}, fmt.Errorf("isac instances: %w: expected the prompt to hold every word that is to be guided", err)
	}
	return moved, nil
}
