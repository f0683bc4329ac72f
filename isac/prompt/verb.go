package prompt

import "strings"

// verbSearch looks for the first verb of the words [from,to) of a phrase, by the forms of words and by their places. Numbers help:
// what follows the plural that "three" asks for is no noun, "three boys take pictures", and neither is a plural after the noun of
// "a": "a boy kicks".
type verbSearch struct {
	*parser
	from, to   int
	determined bool // a determiner or number stands before
	one, many  bool // the determiner or number asks for a singular, for a plural
	// What was seen so far: a noun, a plural, and a noun that is an object.
	noun, plural, object bool
}

// verbIn gives the first verb of [from,to), else to and false.
func (p *parser) verbIn(from, to int, q quantity, determined bool) (int, bool) {
	s := verbSearch{parser: p, from: from, to: to, determined: determined,
		one:  q.kind == quantOne && q.text != "" && !possessives[q.text] || q.kind == quantNumber && q.count == 1 && q.sum == 0,
		many: q.kind == quantNumber && q.count > 1 || q.kind == quantVague}
	for i := from; i < to; i++ {
		low := p.words[i].low
		if name, n := p.matchPlural(i, nouns); n > 1 {
			s.noun, s.object, i = true, true, i+n-1
			s.plural = s.plural || !s.one && isPlural(name)
			continue
		}
		switch {
		case attributivePlurals[low] && i+1 < to: // "a sports bike"
		case strings.HasSuffix(low, "'s"), strings.HasSuffix(low, "s'"):
		case s.noun && isAdverb(low) && p.verbish(i+1):
			return i + 1, true // "happily wagged"
		case s.noun && s.afterNoun(i), !s.noun && s.beforeNoun(i):
			return i, true
		}
	}
	return to, false
}

// beforeNoun tells whether a word is a verb where no noun stands before it.
func (s *verbSearch) beforeNoun(i int) bool {
	low := s.words[i].low
	known, finite := inLists(low), verbs[low] || pasts[low]
	gerund, past := s.gerundAt(i), isPast(low)
	switch {
	case copulas[low]:
		return i > s.from || !s.determined
	case !s.determined && i == s.from && copulas[s.verb] && finite:
		return true // "were set with four plates"
	case !s.determined && (finite && (!known || s.startsObject(i+1)) || gerund || past && !adjectives[low]):
		return true
	case adjectives[low] && !nouns[low], gerund, past, !known && isAdjectival(low), isAdverb(low), notAttributes[low]:
	case known:
		s.noun, s.object = true, isObject(low)
		s.plural = isPlural(low) || uncertain[singular(low)] && s.many
	case s.determined:
		s.noun, s.plural = true, s.pluralLooking(i)
	}
	return false
}

// afterNoun tells whether a word is a verb where a noun stands before it.
func (s *verbSearch) afterNoun(i int) bool {
	low := s.words[i].low
	known := inLists(low) && !copulas[low]
	// "two horse drawn carriages": the noun of the number is still to come.
	ahead := s.many && !s.plural && s.pluralAhead(i+1, s.to)
	switch {
	case s.gerundAt(i):
		return s.object || !s.singularObject(i+1) // not "a fire breathing dragon"
	case isPast(low):
		shaped := !s.plural && strings.HasSuffix(low, "ed") && s.singularObject(i+1) // "a heart shaped balloon"
		return !ahead && !shaped
	case (verbs[low] || pasts[low]) && (!known || s.startsObject(i+1)):
		return !ahead
	case adjectives[low] && !known:
		return false
	}
	looks := s.pluralLooking(i)
	act := verbs[low] && !isObject(low) // "sleep" is a noun too, but none of an object
	switch {
	case s.one && looks && !s.plural:
		return low != "glasses" && !pairNouns[low]
	case !s.one && s.plural && !looks:
		return !adjectives[low] && !isAdverb(low) && (s.determined || !known || act)
	case !s.one && !s.many && !s.plural && looks && s.object && (act || s.startsObject(i+1)):
		return true
	}
	s.plural, s.object = s.plural || looks, s.object || isObject(low)
	return false
}

// gerundAt knows "building a house" from "a building".
func (s *verbSearch) gerundAt(i int) bool {
	low := s.words[i].low
	return isGerund(low) || strings.HasSuffix(low, "ing") && len(low) > 5 && s.determinerAt(i+1)
}

// inLists tells whether a word, or its singular, is a noun of the lists; isObject whether it is an object.
func inLists(low string) bool  { return allNouns[low] || allNouns[singular(low)] }
func isObject(low string) bool { return nouns[low] || nouns[singular(low)] }

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
