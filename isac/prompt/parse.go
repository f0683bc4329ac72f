package prompt

import "strings"

// parser walks once over the words of a prompt.
type parser struct {
	text      string
	words     []word
	at        int
	link      link
	linkText  string   // the connector's words, for notes
	verb      string   // the verb between the last object and what follows, "" if there is none
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
		if n := p.idiomAt(p.at); n > 0 {
			p.at += n
			p.carry = quantity{}
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

// idiomAt counts the words of a set phrase, 0 where there is none or a longer connector: "on top", but "on top of".
func (p *parser) idiomAt(i int) int {
	_, n := p.match(i, idioms, longestIdiom)
	if _, c := p.connectorAt(i); c > n {
		return 0
	}
	return n
}

// mark ends what was open: a comma begins the next member of the list of objects.
func (p *parser) mark(w word) {
	switch w.low {
	case "*", "(", ")":
		return // markup does not separate
	}
	p.link, p.linkText, p.verb = linkList, "", ""
	if w.low != "," {
		p.carry = quantity{}
	}
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
	if !ok || passed[low] || verbs[low] || pasts[low] || low == "and" || low == "or" {
		return true
	}
	_, n := p.connectorAt(i)
	return n > 0
}

// nounPhrase reads [determiner or number] [adjectives] noun and decides what it is.
func (p *parser) nounPhrase() {
	start := p.at
	q, n := p.quantity(p.at)
	p.at += n
	from := p.at
	if q.kind == quantBare && p.carry.kind != quantBare {
		q = p.carry
	}
	end, verb := p.chunk(p.at, q, q.kind != quantBare)
	if p.pronoun(from, end, q) {
		p.at = max(end, start+1)
		p.afterChunk(verb)
		return
	}
	if owner := p.lowOr(end - 1); end > from && (strings.HasSuffix(owner, "'s") || strings.HasSuffix(owner, "s'")) && p.determinerAt(end) {
		p.at = end // "the cat's |two toys"
		return
	}
	h, found := p.head(p.at, end, q)
	if !found {
		p.headless(start, end, q, verb)
		return
	}
	q = p.joined(q)
	q.attrs = append(q.attrs, p.attributesOf(from, h.first)...)
	q.attrs = append(q.attrs, p.attributesOf(h.last, end)...)
	p.carry = quantity{}
	if value, taken := p.countAfter(h.last); taken > 0 && h.last == end {
		if q.kind != quantNumber || q.count == 1 && q.text != "one" {
			q = quantity{kind: quantNumber, count: value, text: p.between(h.last, h.last+taken), attrs: q.attrs}
			if value == 0 {
				q.kind = quantNone
			}
		}
		end += taken
	}
	each := p.is(end, "each") && q.kind == quantNumber && len(p.phrases) > 0 && p.phrases[len(p.phrases)-1].Count > 1
	before := len(p.phrases)
	p.at = h.last
	p.decide(h, q, start)
	if each && len(p.phrases) > before { // "three girls with two balloons each"
		p.phrases[before].Count = min(p.phrases[before].Count*p.phrases[before-1].Count, maxCount)
		p.note("%q is taken as %d", p.between(start, end+1), p.phrases[before].Count)
	}
	if p.at == h.last { // trailing words of the chunk belong to this phrase
		p.at = max(end, start+1)
		p.afterChunk(verb)
	}
	p.at = max(p.at, start+1)
}

// joined adds what was carried over: "one white and two black cats", "two groups of three people".
func (p *parser) joined(q quantity) quantity {
	c := p.carry
	if q.kind == quantNumber && c.times > 1 {
		q.count = min(q.count*c.times, maxCount)
	}
	if c.sum == 0 {
		return q
	}
	switch q.kind {
	case quantOne, quantDefinite:
		q = quantity{kind: quantNumber, count: c.sum + 1, text: c.text, attrs: c.attrs}
	case quantNumber:
		if q.sum == 0 {
			q.count += c.sum
			q.attrs = c.attrs
		}
	}
	return q
}

// pronoun reads "a black one" as one more of the objects that were named last.
func (p *parser) pronoun(from, end int, q quantity) bool {
	if len(p.phrases) == 0 || q.kind == quantBare {
		return false
	}
	adjectival := end > from && p.allAdjectives(from, end)
	one := p.is(end, "one") && adjectival
	if end > from && (p.is(end-1, "ones")) {
		one = true
	}
	if !one || q.kind == quantDefinite && !adjectival {
		return false
	}
	last := &p.phrases[len(p.phrases)-1]
	n := 1
	if q.kind == quantNumber {
		n = q.count
	}
	if q.kind == quantDefinite && last.Count > 1 {
		return true // "the black one" of them
	}
	last.Count += n
	last.Attributes = append(last.Attributes, p.attributesOf(from, end)...)
	p.note("%q is taken as more of %q: they are counted together", p.between(from-1, min(end+1, len(p.words))), last.Class)
	if p.is(end, "one") {
		p.words[end].low = "it" // it was read
	}
	return true
}

// afterChunk passes over the verb at the current position.
func (p *parser) afterChunk(verb bool) {
	if !verb || p.at >= len(p.words) || p.words[p.at].mark {
		return
	}
	low := p.words[p.at].low
	if _, n := p.connectorAt(p.at); n > 0 {
		return // "has", "wearing": run reads them
	}
	subject := p.lowOr(p.at - 1)
	p.at++
	p.verb, p.carry = low, quantity{}
	if passed[subject] || places[subject] { // "there is a dog", "on the left is a dog"
		p.verb = ""
	}
	if p.link != linkStyle && p.link != linkNone {
		p.link, p.linkText = linkList, ""
	}
	if copulas[low] && len(p.phrases) > 0 {
		if n := p.predicate(p.at); n > 0 {
			p.at += n
			p.verb = ""
		}
	}
}

var copulas = setOf("is", "are", "was", "were", "be", "being")

// headless handles a determiner or number without a noun: "a black and", "two", or words that are no nouns.
func (p *parser) headless(start, end int, q quantity, verb bool) {
	text := p.between(start, end)
	p.at = max(end, start+1)
	if q.kind == quantBare {
		if end > start && !p.allAdjectives(start, end) {
			p.note("%q was not understood", text)
		}
		if end == start && verb {
			p.at = start
		}
		p.afterChunk(verb)
		return
	}
	if end > start && p.allAdjectivesFrom(start, end) && p.continues(end) {
		p.keep(start, end, q)
		return
	}
	p.carry = quantity{}
	if q.kind == quantNumber || q.kind == quantVague {
		p.note("%q has no noun that says of what", strings.TrimSpace(text))
	}
	p.afterChunk(verb)
}

// keep carries adjectives and their number over to the noun that follows: "two big, fluffy cats" are two, "one white and two black
// cats" three.
func (p *parser) keep(start, end int, q quantity) {
	before := p.carry
	fresh := p.at > start && p.words[start].start < p.words[end-1].start
	_, n := p.peekQuantity(start)
	q.attrs = append(append(q.attrs, before.attrs...), p.attributesOf(start+n, end)...)
	q.text = p.between(start, start+max(n, 1))
	if n == 0 { // the number stands before other adjectives
		p.carry = q
		return
	}
	if fresh && p.countsOn(end) {
		own := 1
		if q.kind == quantNumber {
			own = q.count
		}
		q.sum = before.sum + own
		q.kind, q.count = quantNumber, q.sum
	}
	p.carry = q
}

// countsOn tells whether after "and" or a comma a number and adjectives of the same noun follow: "one white |and two black cats".
func (p *parser) countsOn(i int) bool {
	for i < len(p.words) && (p.words[i].mark && p.words[i].low == "," || p.words[i].low == "and" || p.words[i].low == "&") {
		i++
	}
	q, n := p.peekQuantity(i)
	low, ok := p.low(i + n)
	return n > 0 && q.kind != quantVague && q.kind != quantNone && ok && (adjectives[low] || isAdjectival(low) || isGerund(low))
}

// peekQuantity reads a quantity without its notes.
func (p *parser) peekQuantity(i int) (quantity, int) {
	notes := len(p.notes)
	q, n := p.quantity(i)
	p.notes = p.notes[:notes]
	return q, n
}

// continues tells whether a comma or "and" with more words of the same phrase stands at a position.
func (p *parser) continues(i int) bool {
	if i >= len(p.words) {
		return false
	}
	low := p.words[i].low
	return low == "," || low == "and" || low == "or" || low == "&"
}
