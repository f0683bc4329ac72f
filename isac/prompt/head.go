package prompt

import (
	"slices"
	"strings"
	"unicode"
)

// headNoun is the noun of a phrase.
type headNoun struct {
	first, last int    // its words, [first,last)
	written     string // in lower case, as written
	class       string // in the singular
	known       bool   // it stands in a word list
}

// head finds the noun of the words [from,to): the last entry of the word lists, or, after a determiner, the last word.
func (p *parser) head(from, to int, q quantity) (headNoun, bool) {
	best := headNoun{}
	for end := to; end > from && !best.known; end-- {
		for n := min(longestNoun, end-from); n > 0; n-- {
			name := p.name(end-n, n)
			class := singular(name)
			if name == "" || !allNouns[name] && !allNouns[class] {
				continue
			}
			if n == 1 && adjectives[name] && end < to {
				continue // "a light sleeper", "a glass zorb": an adjective before an unknown noun
			}
			if !allNouns[class] || inflections[name] != "" {
				class = inflected(name, class)
			}
			best = headNoun{end - n, end, name, class, true}
			break
		}
	}
	if best.known && (best.last == to || !p.strangePlural(to-1, best, q)) {
		return best, !p.onlyAdjective(best, from, to, q)
	}
	if q.kind == quantBare && !best.known {
		return best, false
	}
	for end := to; end > from; end-- {
		low := p.words[end-1].low
		if adjectives[low] || strings.HasSuffix(low, "ly") || strings.HasSuffix(low, "ed") && end-from > 1 || isGerund(low) && end-from > 1 {
			continue
		}
		if verbs[low] && end-from > 1 || !strings.ContainsFunc(low, unicode.IsLetter) {
			continue
		}
		return headNoun{end - 1, end, low, singular(strings.TrimSuffix(low, "'s")), false}, true
	}
	return best, best.known
}

// inflected prefers the table of inflections over the lists, so that "skis" and "glasses" have one class each.
func inflected(name, class string) string {
	if s, ok := inflections[name]; ok {
		return s
	}
	if allNouns[name] {
		return name
	}
	return class
}

// strangePlural tells whether an unknown plural ends the phrase, which then is its noun: "two horse zorbs".
func (p *parser) strangePlural(i int, known headNoun, q quantity) bool {
	low := p.words[i].low
	if verbs[low] || adjectives[low] || strings.HasSuffix(low, "ly") || strings.HasSuffix(low, "ed") {
		return false
	}
	return q.kind == quantNumber && q.count > 1 && !isPlural(known.written) && isPlural(low)
}

// onlyAdjective tells whether a word that is noun and adjective stands as an adjective: "an orange and white cat".
func (p *parser) onlyAdjective(h headNoun, from, to int, q quantity) bool {
	if h.last-h.first != 1 || !adjectives[h.written] || h.last != to || !p.continues(to) || q.kind == quantBare {
		return false
	}
	next := to + 1
	for next < len(p.words) && (p.words[next].mark || p.is(next, "and")) {
		next++
	}
	low, ok := p.low(next)
	return ok && adjectives[low] && !nouns[low] && next+1 < len(p.words) && !p.words[next+1].mark && slices.Contains([]string{",", "and", "&"}, p.words[to].low)
}
