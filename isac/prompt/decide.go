package prompt

// decide makes a noun phrase an object, or notes why it is none. The words of the phrase are [start, h.last).
func (p *parser) decide(h headNoun, q quantity, start int) {
	text := p.between(start, h.last)
	of := p.is(h.last, "of")
	switch {
	case p.link == linkStyle:
		return
	case of && collectives[h.class]:
		// "a group of five cats": what follows is counted; without a number of its own it has none.
		p.at = h.last + 1
		p.carry = quantity{kind: quantVague, text: text}
		return
	case of && portions[h.class]:
		p.at = h.last + 1
		if q.kind == quantBare && isPlural(h.written) {
			q = quantity{kind: quantVague, text: text}
		}
		p.carry = q
		if q.kind == quantOne {
			p.carry = quantity{kind: quantNumber, count: 1, text: q.text}
		}
		return
	case media[h.class] && !nouns[h.class]:
		p.at = h.last
		if of {
			p.at++
			p.link, p.linkText = linkList, ""
		}
		return
	case q.kind == quantNone || p.link == linkNone:
		p.note("%q is not wanted in the picture: it is not counted, and guidance cannot remove it", text)
		return
	case of && containers[h.class] && p.numberFollows(h.last+1):
		p.at = h.last + 1
		p.link, p.linkText = linkList, ""
		p.note("%q holds what is counted and is not counted itself", text)
		return
	case places[h.class] || places[h.written]:
		return
	case scenery[h.class] && !nouns[h.class], scenery[h.written] && !nouns[h.written]:
		p.note("%q is taken as the scene, not as an object to count", text)
		return
	case p.link == linkWorn, p.link == linkWith && parts[h.class] && q.kind != quantNumber, parts[h.class] && !nouns[h.class]:
		p.note("%q is taken as a part of something, not as an object to count", text)
		return
	case p.link == linkPlace && !(q.kind == quantNumber && h.known):
		p.note("%q stands after %q: it is taken as the place, not as an object to count", text, p.linkText)
		return
	}
	p.object(h, q, text)
	if of && containers[h.class] {
		p.contents(h.last)
	}
}

// numberFollows tells whether a noun phrase with a number of its own begins at a position.
func (p *parser) numberFollows(i int) bool {
	notes := len(p.notes)
	q, n := p.quantity(i)
	p.notes = p.notes[:notes]
	return n > 0 && q.kind == quantNumber
}

// contents passes over "of apples" after "a bowl": the bowl is the object.
func (p *parser) contents(of int) {
	end := p.chunkEnd(of+1, false)
	if end > of+1 {
		p.note("%q is taken as the contents of one object, it is not counted", p.between(of+1, end))
	}
	p.at = max(end, of+1)
}

// object adds a phrase, or sees that it speaks of objects that were counted before.
func (p *parser) object(h headNoun, q quantity, text string) {
	if q.kind == quantDefinite && p.mentioned[h.class] {
		p.note("%q is taken to mean what was named before: it is not counted again", text)
		return
	}
	count, isVague := p.count(h, q, text)
	start, end := p.words[h.first].start, p.words[h.last-1].end
	p.phrases = append(p.phrases, Phrase{
		Class: h.class, Text: p.text[start:end], Count: count, Vague: isVague, Start: start, End: end,
	})
	if p.mentioned[h.class] {
		p.note("%q is named more than once: the counts are added up", h.class)
	}
	p.mentioned[h.class] = true
}

// assumed is the count of a plural without a number: the least that a plural means.
const assumed = 2

// count gives the number of objects of a phrase and whether it had to be assumed.
func (p *parser) count(h headNoun, q quantity, text string) (int, bool) {
	plural := isPlural(h.written)
	switch q.kind {
	case quantNumber:
		if q.pairs && pairNouns[h.class] {
			return max(q.count/2, 1), false // "a pair of scissors" is one thing
		}
		return q.count, false
	case quantVague:
		p.note("%q gives no number: %d are assumed", p.withQuantity(q, text), assumed)
		return assumed, true
	}
	if plural && !pairNouns[h.class] {
		if q.kind == quantOne && (q.text == "a" || q.text == "an") {
			p.note("%q has the article of one and a plural: 1 is taken", text)
			return 1, true
		}
		p.note("%q gives no number: %d are assumed", text, assumed)
		return assumed, true
	}
	if uncertain[h.class] && q.kind == quantBare {
		p.note("%q may be one or many: 1 is taken", text)
		return 1, true
	}
	return 1, false
}

// withQuantity puts a carried quantity back before the words that it counts.
func (p *parser) withQuantity(q quantity, text string) string {
	if len(text) >= len(q.text) && lower(text[:len(q.text)]) == q.text {
		return text
	}
	return q.text + " … " + text
}
