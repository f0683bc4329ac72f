package prompt

import "strings"

// chunk finds where the adjectives and nouns that begin at a position end. verb tells that a verb ends them, which is then the
// word at end.
func (p *parser) chunk(from int, q quantity, determined bool) (end int, verb bool) {
	end = p.chunkEnd(from, determined)
	return p.verbIn(from, end, q, determined)
}

// longestPhrase bounds the words that are looked at together, so that the time grows with the text and not with its square.
const longestPhrase = 32

// chunkEnd finds where the words of one noun phrase, with a verb that may follow, end.
func (p *parser) chunkEnd(from int, determined bool) int {
	i := from
	for ; i < min(len(p.words), from+longestPhrase); i++ {
		w := p.words[i]
		if w.mark {
			break
		}
		if i > from && p.idiomAt(i) > 0 {
			break
		}
		if _, n := p.match(i, allNouns, longestNoun); n > 1 {
			i += n - 1 // "close up", "hot air balloon": words that might end the phrase on their own
			continue
		}
		if (i > from || !determined) && passed[w.low] && !(i > from && p.nounCan(i)) {
			break
		}
		if _, n := p.connectorAt(i); n > 0 {
			break
		}
		if i > from && p.determinerAt(i) {
			break
		}
		if _, n := p.countAfter(i); n > 0 {
			break
		}
	}
	return i
}

// nounCan tells the can of "a soup can" from that of "a cat can jump".
func (p *parser) nounCan(i int) bool {
	_, follows := p.low(i + 1)
	_, n := p.connectorAt(i + 1)
	return nouns[p.lowOr(i)] && (!follows || n > 0)
}

// verbIn finds the first word of [from,to) that is a verb by its form and its place. Numbers help: what follows the plural that
// "three" asks for is no noun, "three boys take pictures", and neither is a plural after the noun of "a": "a boy kicks".
func (p *parser) verbIn(from, to int, q quantity, determined bool) (int, bool) {
	singularOnly := q.kind == quantOne && q.text != "" && !possessives[q.text] || q.kind == quantNumber && q.count == 1 && q.sum == 0
	pluralOnly := q.kind == quantNumber && q.count > 1 || q.kind == quantVague
	noun, plural, object := false, false, false // what was seen before the word
	for i := from; i < to; i++ {
		low := p.words[i].low
		if name, n := p.matchPlural(i, nouns); n > 1 {
			noun, object, i = true, true, i+n-1
			plural = plural || !singularOnly && isPlural(name)
			continue
		}
		if attributivePlurals[low] && i+1 < to {
			continue // "a sports bike"
		}
		if strings.HasSuffix(low, "'s") || strings.HasSuffix(low, "s'") {
			continue
		}
		known := (allNouns[low] || allNouns[singular(low)]) && !copulas[low]
		finite := verbs[low] || pasts[low]
		gerund, past := isGerund(low) || strings.HasSuffix(low, "ing") && len(low) > 5 && p.determinerAt(i+1), isPast(low)
		if !noun {
			switch {
			case copulas[low] && (i > from || !determined):
				return i, true
			case !determined && i == from && copulas[p.verb] && finite:
				return i, true // "were set with four plates"
			case !determined && (finite && (!known || p.startsObject(i+1)) || gerund || past && !adjectives[low]):
				return i, true
			case adjectives[low] && !nouns[low] || gerund || past, !known && isAdjectival(low), isAdverb(low), notAttributes[low]:
			case known:
				noun, object = true, nouns[low] || nouns[singular(low)]
				plural = isPlural(low) || uncertain[singular(low)] && pluralOnly
			case determined:
				noun, plural = true, p.pluralLooking(i)
			}
			continue
		}
		switch {
		case isAdverb(low) && p.verbish(i+1):
			return i + 1, true
		case gerund:
			if object || !p.singularObject(i+1) {
				return i, true // "a boy eating", but not "a fire breathing dragon"
			}
			continue
		case past:
			if pluralOnly && !plural && p.pluralAhead(i+1, to) || !plural && strings.HasSuffix(low, "ed") && p.singularObject(i+1) {
				continue // "a heart shaped balloon"
			}
			return i, true
		case finite && (!known || p.startsObject(i+1)):
			if pluralOnly && !plural && p.pluralAhead(i+1, to) {
				continue
			}
			return i, true
		case adjectives[low] && !known:
			continue
		}
		looks := p.pluralLooking(i)
		switch {
		case singularOnly && looks && !plural:
			if low == "glasses" || pairNouns[low] {
				continue
			}
			return i, true
		case pluralOnly && plural && !looks, !singularOnly && !pluralOnly && plural && !looks && !adjectives[low]:
			if adjectives[low] || isAdverb(low) {
				continue
			}
			if !determined && known {
				continue // "sports car"
			}
			return i, true
		case !singularOnly && !pluralOnly && !plural && looks && object && p.startsObject(i+1):
			return i, true
		}
		plural = plural || looks
		object = object || nouns[low] || nouns[singular(low)]
	}
	return to, false
}

// attributivePlurals stand before singulars.
var attributivePlurals = setOf("sports", "clothes", "goods", "savings", "customs", "arms", "sales", "glasses", "news", "jeans", "pants", "games", "arts")

// possessives are determiners that stand before singulars and plurals.
var possessives = setOf("my", "your", "his", "her", "its", "our", "their", "someone's")

// matchPlural finds the longest name of a set, also in its plural, at a position.
func (p *parser) matchPlural(i int, s set) (string, int) {
	for n := longestNoun; n > 1; n-- {
		if name := p.name(i, n); name != "" && (s[name] || s[singular(name)]) {
			return name, n
		}
	}
	return "", 0
}

// startsObject tells whether a word that is a verb or a noun is a verb, by what follows: "a girl saw a dog".
func (p *parser) startsObject(i int) bool {
	if p.determinerAt(i) {
		return true
	}
	low, ok := p.low(i)
	if !ok {
		return false
	}
	_, n := p.connectorAt(i)
	return n > 0 && low != "and" && low != "or" && low != "of" && low != "with" && low != "but" || isAdverb(low)
}

// verbish tells whether a verb stands at a position.
func (p *parser) verbish(i int) bool {
	low, ok := p.low(i)
	return ok && (verbs[low] || pasts[low] || isPast(low) || isGerund(low))
}

func (p *parser) singularObject(i int) bool {
	low, ok := p.low(i)
	return ok && nouns[low] && !isPlural(low) && !uncertain[low]
}

func (p *parser) pluralAhead(from, to int) bool {
	for i := from; i < to; i++ {
		if p.pluralLooking(i) {
			return true
		}
	}
	return false
}

// pluralLooking tells whether the word at a position has the form of a plural, which for a verb is that of the third person.
func (p *parser) pluralLooking(i int) bool {
	low, ok := p.low(i)
	if !ok || adjectives[low] && !nouns[singular(low)] || passed[low] || !isPlural(low) {
		return false
	}
	for _, suffix := range []string{"ss", "us", "is", "ous", "'s"} {
		if strings.HasSuffix(low, suffix) && !allNouns[singular(low)] {
			return false
		}
	}
	return true
}

// determinerAt tells whether a new noun phrase begins within a run of words: "a cat two dogs", "chasing a cat".
func (p *parser) determinerAt(i int) bool {
	low, _ := p.low(i)
	switch low {
	case "a", "an", "the", "no", "some", "several", "many", "his", "her", "its", "their", "my", "your", "our", "another", "both", "this", "these", "those":
		return true
	}
	_, taken, _ := p.number(i)
	return taken > 0
}

// isGerund tells words like "sitting" from nouns like "ring".
func isGerund(low string) bool {
	return len(low) > 4 && strings.HasSuffix(low, "ing") && !allNouns[low] && !adjectives[low] && strings.ContainsAny(low[:len(low)-3], "aeiouy")
}

// isPast tells words like "snapped" and "stood" from nouns like "bed".
func isPast(low string) bool {
	return (pasts[low] || len(low) > 3 && strings.HasSuffix(low, "ed") && !strings.HasSuffix(low, "eed")) && !allNouns[low] && !strings.Contains(low, "-")
}

// isParticiple tells words that "by" makes passive: "hidden by".
func isParticiple(low string) bool { return isPast(low) || strings.HasSuffix(low, "ed") }
