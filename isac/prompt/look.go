package prompt

import (
	"fmt"
	"slices"
	"strings"
)

// low gives the word at a position, false at a mark or outside the text.
func (p *parser) low(i int) (string, bool) {
	if i < 0 || i >= len(p.words) || p.words[i].mark {
		return "", false
	}
	return p.words[i].low, true
}

func (p *parser) is(i int, low string) bool {
	got, ok := p.low(i)
	return ok && got == low
}

// skip counts how many of the given words stand at a position, in that order; each may be missing.
func (p *parser) skip(i int, lows ...string) int {
	n := 0
	for _, low := range lows {
		if p.is(i+n, low) {
			n++
		}
	}
	return n
}

// name joins n words with spaces, "" if there are not so many or a mark stands between them.
func (p *parser) name(i, n int) string {
	if i < 0 || i+n > len(p.words) {
		return ""
	}
	var b strings.Builder
	for k := range n {
		w := p.words[i+k]
		if w.mark && n > 1 {
			return ""
		}
		if k > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.low)
	}
	return b.String()
}

// match finds the longest entry of a set, of at most n words, at a position.
func (p *parser) match(i int, s set, n int) (string, int) {
	for ; n > 0; n-- {
		if name := p.name(i, n); name != "" && s[name] {
			return name, n
		}
	}
	return "", 0
}

// between gives the text of the words [from,to) as it is written.
func (p *parser) between(from, to int) string {
	if from < 0 || from >= to || to > len(p.words) {
		return ""
	}
	return p.text[p.words[from].start:p.words[to-1].end]
}

func (p *parser) allAdjectives(from, to int) bool {
	for i := from; i < to; i++ {
		low := p.words[i].low
		if !adjectives[low] && !verbs[low] && !passed[low] && !isGerund(low) && !isAdverb(low) && !isAdjectival(low) && !isParticiple(low) && !notAttributes[low] {
			return false
		}
	}
	return true
}

// allAdjectivesFrom is allAdjectives without the determiner that the words begin with.
func (p *parser) allAdjectivesFrom(from, to int) bool {
	notes := len(p.notes)
	_, n := p.quantity(from)
	p.notes = p.notes[:notes]
	return from+n < to && p.allAdjectives(from+n, to)
}

// note records a sentence once.
func (p *parser) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(p.notes, s) {
		p.notes = append(p.notes, s)
	}
}
