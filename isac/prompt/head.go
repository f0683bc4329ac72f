package prompt

import (
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

// head finds the noun of the words [from,to): the longest name of the word lists that ends them, or their last word where a
// determiner or a noun before it says that it is one. Compounds go by it: "a bear trap" is a trap.
func (p *parser) head(from, to int, q quantity) (headNoun, bool) {
	for end := to; end > from; end-- {
		if h, ok := p.known(from, end); ok {
			if p.trailing(h, from) {
				continue // "a cat black and orange"
			}
			return h, !p.onlyAdjective(h, from, to, q)
		}
		low := p.words[end-1].low
		// What stands between "a" and the end of the phrase is a noun whatever its ending: "a doily", "a red lemming".
		last := end == to && q.kind != quantBare && (isAdverb(low) && to == from+1 || isGerund(low) && p.allAdjectives(from, end-1) && !p.moreAdjectives(from, to))
		if !last && !p.unknownNoun(end-1, from, q) {
			continue
		}
		return headNoun{end - 1, end, low, singular(strings.TrimSuffix(low, "'s")), false}, true
	}
	// "a light" and its like: words that are mostly adjectives.
	return p.known(from, to)
}

// known finds the longest name of the word lists that ends at a position.
func (p *parser) known(from, end int) (headNoun, bool) {
	for n := min(longestNoun, end-from); n > 0; n-- {
		name := p.name(end-n, n)
		class := singular(name)
		if name == "" || !allNouns[name] && !allNouns[class] {
			continue
		}
		if !allNouns[class] || inflections[name] != "" {
			class = inflected(name, class)
		}
		return headNoun{end - n, end, name, class, true}, true
	}
	return headNoun{}, false
}

// trailing tells whether a word that is noun and adjective stands behind a noun as an adjective.
func (p *parser) trailing(h headNoun, from int) bool {
	if h.last-h.first != 1 || !colours[h.written] || h.first == from {
		return false
	}
	_, known := p.known(from, h.first)
	return known && !adjectives[p.lowOr(h.first-1)]
}

// unknownNoun tells whether a word of no list is taken as a noun.
func (p *parser) unknownNoun(i, from int, q quantity) bool {
	low := p.words[i].low
	if adjectives[low] || notAttributes[low] || strings.Contains(low, "-") && isAdjectival(low) || copulas[low] || auxiliaries[low] || passed[low] || vague[low] || !strings.ContainsFunc(low, unicode.IsLetter) || isDigit(rune(low[0])) && strings.HasSuffix(low, "s") || isAdverb(low) || verbs[low] && i > from && !p.allAdjectives(from, i) || pasts[low] ||
		isPast(low) && (i > from || q.kind == quantBare) || isGerund(low) && (i > from || p.moreAdjectives(from, i+1)) {
		return false
	}
	if next := p.lowOr(i + 2); isAdjectival(low) && p.continues(i+1) && (adjectives[next] || isAdjectival(next) || isGerund(next)) {
		return false // "the fiery, blazing sun"
	}
	if q.kind != quantBare {
		return true
	}
	// Without a determiner only a compound of a known object is one: "bear trap".
	if i == from {
		return false
	}
	h, ok := p.known(from, i)
	return ok && (nouns[h.class] || nouns[h.written]) && !isPlural(h.written) && !adjectives[h.written]
}

// auxiliaries are never nouns.
var auxiliaries = setOf("been", "has", "have", "had", "do", "does", "did", "can't", "isn't", "aren't", "doesn't", "don't", "won't", "may", "might", "am")

// moreAdjectives tells whether the words [from,i), "a sleeping", go on to another adjective of the same noun: ", fluffy cat", "and a
// running dog".
func (p *parser) moreAdjectives(from, i int) bool {
	if !p.continues(i) {
		return false
	}
	low := p.lowOr(i + 1)
	if _, n := p.peekQuantity(i + 1); n > 0 {
		return i == from+1 && isGerund(p.lowOr(i+1+n))
	}
	return adjectives[low] && !nouns[low] || isAdjectival(low) || isGerund(low)
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

// onlyAdjective tells whether a word that is noun and adjective stands as an adjective: "an orange and white cat".
func (p *parser) onlyAdjective(h headNoun, from, to int, q quantity) bool {
	if h.last-h.first != 1 || !adjectives[h.written] || h.last != to || !p.continues(to) || q.kind == quantBare {
		return false
	}
	if !nouns[h.written] && p.countsOn(to) {
		return true // "the left and the right cat"
	}
	next := to + 1
	for next < len(p.words) && (p.words[next].mark || p.is(next, "and")) {
		next++
	}
	low, ok := p.low(next)
	return ok && adjectives[low] && !nouns[low] && next+1 < len(p.words) && !p.words[next+1].mark && p.words[to].low != "or"
}

// colours are adjectives that are nouns too.
var colours = setOf("orange", "gold", "silver", "rose", "violet", "olive", "peach", "lime", "cherry", "plum")
