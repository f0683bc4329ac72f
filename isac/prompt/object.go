package prompt

// object adds a phrase, or sees that it speaks of objects that were counted before.
func (p *parser) object(h headNoun, q quantity, text string) {
	p.verb = ""
	if a, ok := p.position(h.last); ok {
		q.attrs = append(q.attrs, a)
	}
	if q.kind == quantDefinite && p.mentioned[h.class] && !p.another(h.class, q.attrs) {
		p.note("%q is taken to mean what was named before: it is not counted again", text)
		return
	}
	if q.kind == quantVague && q.text == "multiple" && p.mentioned[h.class] {
		p.note("%q is taken to mean what was named before: it is not counted again", text) // "2girls, multiple girls"
		return
	}
	class := h.class
	if h.written == "glasses" && q.pairs {
		class = "glasses"
	}
	count, isVague := p.count(h, q, text)
	if class == "couple" { // "a couple dances"
		class, count = "person", 2*count
		p.note("%q is taken as %d people", text, count)
	}
	start, end := p.words[h.first].start, p.words[h.last-1].end
	p.phrases = append(p.phrases, Phrase{
		Class: class, Text: p.text[start:end], Count: count, Vague: isVague, Start: start, End: end, Attributes: q.attrs,
	})
	if p.mentioned[class] {
		p.note("%q is named more than once: the counts are added up; to say it otherwise, write %s=count in the override", class, class)
	}
	p.mentioned[class] = true
}

// position reads the attribute of "the cat |on the left".
func (p *parser) position(i int) (Attribute, bool) {
	if !(p.is(i, "on") || p.is(i, "at") || p.is(i, "in") || p.is(i, "to")) || !p.is(i+1, "the") || !places[p.lowOr(i+2)] {
		return Attribute{}, false
	}
	if _, n := p.connectorAt(i); n > 1 || p.is(i+3, "of") {
		return Attribute{}, false // "on the left of"
	}
	return p.attribute(i + 2), true
}

// another tells whether "the right cat" is another one than those before: "the left cat and the right cat". It is where all before
// it were single and had other attributes.
func (p *parser) another(class string, attrs []Attribute) bool {
	if len(attrs) == 0 {
		return false
	}
	for _, ph := range p.phrases {
		if ph.Class != class {
			continue
		}
		if ph.Count > 1 || len(ph.Attributes) == 0 {
			return false
		}
		for _, had := range ph.Attributes {
			for _, a := range attrs {
				if lower(a.Text) == lower(had.Text) {
					return false
				}
			}
		}
	}
	return true
}

// assumed is the count of a plural without a number: the least that a plural means.
const assumed = 2

// count gives the number of objects of a phrase and whether it had to be assumed.
func (p *parser) count(h headNoun, q quantity, text string) (int, bool) {
	plural := isPlural(h.written)
	single := pairNouns[h.class] || h.written == "glasses"
	switch q.kind {
	case quantNumber:
		if q.pairs && single {
			return max(q.count/2, 1), false // "a pair of scissors" is one thing
		}
		return q.count, false
	case quantVague:
		p.note("%q gives no number: %d are assumed; to say another one, write %s=count in the override", p.withQuantity(q, text), assumed, h.class)
		return assumed, true
	}
	if plural && !(single && (q.kind != quantBare || pairNouns[h.class])) {
		if q.kind == quantOne && (q.text == "a" || q.text == "an") {
			p.note("%q has the article of one and a plural: 1 is taken", text)
			return 1, true
		}
		p.note("%q gives no number: %d are assumed; to say another one, write %s=count in the override", text, assumed, h.class)
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
