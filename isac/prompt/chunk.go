package prompt

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
