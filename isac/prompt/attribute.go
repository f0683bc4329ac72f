package prompt

import "strings"

// Attribute is a word that says what an object is like: its colour, material, size, pattern or state.
type Attribute struct {
	// Text is the word as it is written, Prompt[Start:End].
	Text string
	// Start and End are its byte span in the prompt.
	Start, End int
}

// notAttributes are words before a noun that say nothing of what it looks like.
var notAttributes = setOf("very", "extremely", "really", "super", "so", "quite", "highly", "ultra", "rather", "exactly", "just", "only", "about",
	"approximately", "roughly", "around", "nearly", "almost", "also", "then", "more", "other", "additional", "extra", "same", "different", "single",
	"lone", "solitary", "individual", "separate", "distinct", "too", "equally", "and", "or", "another")

// attributesOf gives the attributes among the words [from,to) before a noun.
func (p *parser) attributesOf(from, to int) []Attribute {
	var out []Attribute
	for i := from; i < to; i++ {
		w := p.words[i]
		if w.mark || notAttributes[w.low] || !adjectives[w.low] && !isAdjectival(w.low) && !isGerund(w.low) && !isParticiple(w.low) {
			continue
		}
		out = append(out, p.attribute(i))
	}
	return out
}

func (p *parser) attribute(i int) Attribute {
	w := p.words[i]
	return Attribute{Text: p.text[w.start:w.end], Start: w.start, End: w.end}
}

// predicate reads the attributes after "is": "the car is red and shiny". It gives how many words it takes.
func (p *parser) predicate(i int) int {
	var found []Attribute
	end := i
	for at := i; at < len(p.words); at++ {
		w := p.words[at]
		if _, n := p.connectorAt(at); n > 1 || n > 0 && w.low != "and" { // "is left of"
			break
		}
		if adjectives[w.low] && !nouns[w.low] {
			found, end = append(found, p.attribute(at)), at+1
		} else if w.low != "and" && w.low != "," && !notAttributes[w.low] && !isAdverb(w.low) {
			break
		}
	}
	if len(found) == 0 || !p.ends(end) && !p.is(end, "and") {
		return 0 // "are black cats": no predicate
	}
	last := &p.phrases[len(p.phrases)-1]
	last.Attributes = append(last.Attributes, found...)
	return end - i
}

// isAdjectival tells words that are adjectives by their ending.
func isAdjectival(low string) bool {
	if allNouns[low] || len(low) < 5 {
		return false
	}
	if i := strings.LastIndexByte(low, '-'); i > 0 && adjectives[low[i+1:]] { // "lightning-fast"
		return true
	}
	for _, suffix := range []string{"ish", "ous", "ful", "less", "able", "ible", "ive", "ic", "ical", "ial", "ual", "esque", "like", "ed", "y", "en", "sized", "shaped"} {
		if strings.HasSuffix(low, suffix) {
			return true
		}
	}
	return false
}

// isAdverb tells words like "happily" from nouns like "family".
func isAdverb(low string) bool {
	return len(low) > 4 && strings.HasSuffix(low, "ly") && !allNouns[low] && !adjectives[low]
}
