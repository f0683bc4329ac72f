package prompt

import "strings"

// parser walks once over the words of a prompt.
type parser struct {
	text      string
	words     []word
	at        int
	link      link
	linkText  string   // the connector's words, for notes
	carry     quantity // from "a group of", "two slices of", "a black and": for the noun phrase that follows
	phrases   []Phrase
	notes     []string
	mentioned map[string]bool // classes that phrases hold
}

// run reads phrase by phrase. Every turn of the loop moves on by at least one word.
func (p *parser) run() {
	for p.at < len(p.words) {
		w := p.words[p.at]
		if w.mark && w.low != "&" && w.low != "+" {
			p.mark(w)
			p.at++
			continue
		}
		if p.connector() {
			continue
		}
		if _, n := p.match(p.at, passed, 2); n > 0 && !p.startsPhrase() {
			p.at += n
			p.carry = quantity{}
			continue
		}
		p.nounPhrase()
	}
}

// mark ends what was open: a comma begins the next member of the list of objects.
func (p *parser) mark(w word) {
	switch w.low {
	case `"`, "'", "“", "”", "‘", "’", "*", "_", "`":
		return // quotes and markup do not separate
	}
	p.link, p.linkText = linkList, ""
	if w.low != "," {
		p.carry = quantity{}
	}
}

// connector reads a preposition or conjunction at the current position.
func (p *parser) connector() bool {
	name, n := p.connectorAt(p.at)
	if n == 0 {
		return false
	}
	p.at += n
	switch {
	case name == "and" || name == "&" || name == "or" || name == "plus" || name == "+":
		// "in a forest and mountains": a bare noun goes on with the place, "and a dog" returns to the list.
		if p.link != linkStyle && (p.startsPhrase() || p.link == linkWith) {
			p.link = linkList
		}
		if name == "or" && p.startsPhrase() {
			p.note(`"or" leaves a choice open: what stands on both sides of it is counted`)
		}
	case p.link == linkStyle:
	default:
		p.link, p.linkText, p.carry = connectors[name], name, quantity{}
	}
	return true
}

// connectorAt finds the longest connector at a position.
func (p *parser) connectorAt(i int) (string, int) {
	for n := 4; n > 0; n-- {
		if name := p.name(i, n); name != "" {
			if _, ok := connectors[name]; ok {
				return name, n
			}
		}
	}
	return "", 0
}

// startsPhrase tells whether a determiner or number stands at the current position.
func (p *parser) startsPhrase() bool {
	notes := len(p.notes)
	q, n := p.quantity(p.at)
	p.notes = p.notes[:notes]
	return n > 0 && q.kind != quantBare && !(p.is(p.at, "that") || p.is(p.at, "this") || p.is(p.at, "one") && n == 1 && p.ends(p.at+1))
}

// ends tells whether no word of a noun phrase stands at a position.
func (p *parser) ends(i int) bool {
	low, ok := p.low(i)
	return !ok || passed[low] || verbs[low] || connectors[low] != linkList || low == "and" || low == "or"
}

// nounPhrase reads [determiner or number] [adjectives] noun and decides what it is.
func (p *parser) nounPhrase() {
	start := p.at
	q, n := p.quantity(p.at)
	p.at += n
	end := p.chunkEnd(p.at, n > 0)
	h, found := p.head(p.at, end, q)
	if q.kind == quantBare && p.carry.kind != quantBare {
		q = p.carry
	}
	if !found {
		p.headless(start, end, q)
		return
	}
	p.carry = quantity{}
	p.at = end
	if h.last < end {
		// Words after the noun that are no nouns: "a cat sits", "a dog asleep".
		p.at = h.last
	}
	p.decide(h, q, start)
	p.at = max(p.at, h.last, start+1)
	// Trailing words of the chunk are passed over: they belong to this phrase.
	if p.at < end && p.at == h.last {
		p.at = end
	}
}

// headless handles a determiner or number without a noun: "a black and", "two", or words that are no nouns.
func (p *parser) headless(start, end int, q quantity) {
	text := p.between(start, end)
	p.at = max(end, start+1)
	if q.kind == quantBare {
		low := p.words[p.at-1].low
		if verbs[low] || isGerund(low) {
			p.link, p.linkText = linkList, "" // "a knight in armor fighting a dragon"
		}
		weight := start > 0 && p.words[start-1].low == ":" && isDigit(rune(low[0])) // "(two cats:1.2)"
		if text = p.between(start, p.at); !weight && !p.allAdjectives(start, p.at) {
			p.note("%q was not understood", text)
		}
		return
	}
	if end > start && p.allAdjectivesFrom(start, end) && p.continues(end) {
		p.carry = q // "two big, fluffy cats"
		return
	}
	p.carry = quantity{}
	if q.kind == quantNumber || q.kind == quantVague {
		p.note("%q has no noun that says of what", strings.TrimSpace(text))
	}
}

// continues tells whether a comma or "and" with more words of the same phrase stands at a position.
func (p *parser) continues(i int) bool {
	if i >= len(p.words) {
		return false
	}
	low := p.words[i].low
	return low == "," || low == "and" || low == "or" || low == "&"
}

// chunkEnd finds where the adjectives and nouns that begin at a position end. A verb ends them unless it stands directly
// after the determiner ("a running horse").
func (p *parser) chunkEnd(from int, determined bool) int {
	i := from
	for ; i < len(p.words); i++ {
		w := p.words[i]
		if w.mark {
			break
		}
		if _, n := p.match(i, allNouns, longestNoun); n > 1 {
			i += n - 1 // "close up", "hot air balloon": words that might end the phrase on their own
			continue
		}
		if i > from || !determined {
			if passed[w.low] || verbs[w.low] && !nouns[w.low] || isGerund(w.low) && i > from {
				break
			}
		}
		if _, n := p.connectorAt(i); n > 0 {
			break
		}
		if i > from && p.determinerAt(i) {
			break
		}
	}
	return i
}

// determinerAt tells whether a new noun phrase begins within a run of words: "a cat two dogs", "chasing a cat".
func (p *parser) determinerAt(i int) bool {
	low, _ := p.low(i)
	switch low {
	case "a", "an", "the", "no", "some", "several", "many", "his", "her", "its", "their", "my", "your", "our", "another", "both":
		return true
	}
	_, taken, _ := p.number(i)
	return taken > 0
}

// isGerund tells words like "sitting" from nouns like "ring".
func isGerund(low string) bool {
	return len(low) > 5 && strings.HasSuffix(low, "ing") && !allNouns[low] && !adjectives[low]
}
