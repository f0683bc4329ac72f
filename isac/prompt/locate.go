package prompt

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrNoClass is returned where a prompt names nothing that can be counted. Name the objects and how many of them.
var ErrNoClass = errors.New("no countable class found in the prompt")

// Locate gives, for each phrase, the positions of the tokens that cover its class word, in all chunks of the prompt. spans holds, for
// each position of the model's token sequence, position 0 (the beginning of text) included, the bytes [start,end) of the prompt that the
// token covers; start == end for tokens that cover none (beginning, end, padding).
//
// A word that the model does not read, or not to its end, because its prompts are cut, has no positions: see Unread. It fails with
// ErrNoClass where there is no phrase.
func (p Parsed) Locate(spans [][2]int) ([][]int, error) {
	if len(p.Phrases) == 0 {
		return nil, fmt.Errorf("%w %q: name the objects and how many, as in \"a photo of two cats and a dog\"", ErrNoClass, p.Prompt)
	}
	positions := make([][]int, len(p.Phrases))
	for i, ph := range p.Phrases {
		first, last := ph.ends(p.Prompt)
		begins, ends := false, false
		var at []int
		for position, s := range spans {
			if s[0] < s[1] && s[0] < ph.End && ph.Start < s[1] {
				at = append(at, position)
				begins = begins || s[0] <= first && first < s[1]
				ends = ends || s[0] <= last && last < s[1]
			}
		}
		if begins && ends {
			positions[i] = at
		}
	}
	return positions, nil
}

// ends gives the first byte of the first and of the last character of a class word that no tokenizer leaves out: weights and
// parentheses may stand around and within it.
func (ph Phrase) ends(prompt string) (first, last int) {
	word := prompt[ph.Start:ph.End]
	written := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	first, last = strings.IndexFunc(word, written), strings.LastIndexFunc(word, written)
	if first < 0 {
		_, size := utf8.DecodeLastRuneInString(word)
		first, last = 0, max(0, len(word)-size)
	}
	return ph.Start + first, ph.Start + last
}

// Unread says, a sentence for each phrase without positions, that guidance leaves it out. positions are what Locate gave.
func (p Parsed) Unread(positions [][]int) []string {
	var notes []string
	for i, ph := range p.Phrases {
		if len(positions[i]) == 0 {
			notes = append(notes, fmt.Sprintf("%q at bytes %d-%d of the prompt is left out of guidance: the model does not read the whole word; name it earlier, or shorten the prompt",
				ph.Text, ph.Start, ph.End))
		}
	}
	return notes
}
