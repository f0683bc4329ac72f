package prompt

import (
	"strconv"
	"strings"
)

// The forms, besides a number before its noun, in which people write counts.

// bounds are words before a number that leave it open, with what is added to the number to give the least or the most of it.
var bounds = map[string]int{
	"more than": 1, "over": 1, "above": 1, "at least": 0, "no fewer than": 0, "no less than": 0, "not less than": 0, "minimum": 0,
	"at most": 0, "up to": 0, "no more than": 0, "not more than": 0, "maximum": 0, "less than": -1, "fewer than": -1, "under": -1, "below": -1,
	"about": 0, "around": 0, "approximately": 0, "roughly": 0, "nearly": 0, "almost": 0, "some": 0, "circa": 0, "close to": 0, "or so": 0,
}

// exact are words before a number that change nothing.
var exact = setOf("exactly", "only", "just", "precisely", "all of", "a total of", "in total", "a set of exactly")

// approximationAt counts the words that say how exact the number is that follows them, 0 if there are none. Those that are also
// prepositions ("over two pillows") only count where no verb or noun stands before them.
func (p *parser) approximationAt(i int) int {
	for n := 4; n > 0; n-- {
		name := p.name(i, n)
		_, bound := bounds[name]
		if name == "" || !bound && !exact[name] {
			continue
		}
		if _, taken, _ := p.number(i + n); taken == 0 && groupNumbers[p.lowOr(i+n)] < 12 && !(p.is(i+n, "a") && groupNumbers[p.lowOr(i+n+1)] >= 12) {
			continue
		}
		if p.is(i+n, "one") && (name == "more than" || name == "some") {
			continue // a vague number of its own
		}
		if _, preposition := connectors[name]; preposition || name == "up to" {
			if before, ok := p.low(i - 1); ok && before != "of" && before != "with" && before != "and" {
				continue
			}
		}
		return n
	}
	return 0
}

func (p *parser) lowOr(i int) string {
	low, _ := p.low(i)
	return low
}

// approximate reads the number after n words that say how exact it is.
func (p *parser) approximate(i, n int) (quantity, int) {
	q, more := p.quantity(i + n)
	name := p.name(i, n)
	if q.kind != quantNumber || exact[name] {
		return q, n + more
	}
	q.count = max(q.count+bounds[name], 1)
	p.note("%q leaves the number open: %d is taken; to say another one, write class=count in the override", p.between(i, i+n+more), q.count)
	return q, n + more
}

// bothOf tells "both a cat and a dog" from "both cats".
func (p *parser) bothOf(i int) bool {
	low := p.lowOr(i)
	switch low {
	case "a", "an", "one":
		return true
	case "the", "his", "her", "my", "your", "our", "their", "of":
		return low == "the" && !p.is(i+1, "the") && p.bothOf(i+1)
	}
	for last := min(len(p.words), i+longestPhrase); i < last && !p.words[i].mark; i++ {
		if p.is(i, "and") {
			return true
		}
		if _, n := p.connectorAt(i); n > 0 || p.verbish(i) {
			return false
		}
	}
	return false
}

// restated counts the words after a number that only say it again or mean "times": "two (2) cats", "3 x cats", "6+ girls".
func (p *parser) restated(i, value int) int {
	if v, n := p.inParentheses(i); n > 0 && v == value {
		return n
	}
	if i >= len(p.words) {
		return 0
	}
	switch low := p.words[i].low; low {
	case "x", "×", "*":
		if next := p.lowOr(i + 1); next != "" {
			return 1
		}
	case "+":
		if next := p.lowOr(i + 1); next != "" && p.words[i].start == p.words[i-1].end {
			p.note("%q leaves the number open: %d is taken", p.between(i-1, i+2), value)
			return 1
		}
	}
	return 0
}

// inParentheses reads "(3)" or "(x3)".
func (p *parser) inParentheses(i int) (value, taken int) {
	if i+2 >= len(p.words) || p.words[i].low != "(" {
		return 0, 0
	}
	for k := i + 1; k < min(i+4, len(p.words)); k++ {
		if p.words[k].low == ")" && k > i+1 {
			last := strings.TrimLeft(p.words[k-1].low, "x")
			if v, err := strconv.Atoi(last); err == nil && v <= maxCount {
				return v, k + 1 - i
			}
		}
	}
	return 0, 0
}

// countAfter reads a count that stands after its noun: "cats (3)", "cat x3", "cats x 3", "cats: 3", "cats = 3".
func (p *parser) countAfter(i int) (value, taken int) {
	if v, n := p.inParentheses(i); n > 0 {
		return v, n
	}
	if i >= len(p.words) {
		return 0, 0
	}
	low := p.words[i].low
	if digits, ok := strings.CutPrefix(low, "x"); ok && digits != "" {
		if v, err := strconv.Atoi(digits); err == nil && v <= maxCount {
			return v, 1
		}
		return 0, 0
	}
	switch low {
	case "x", "×", "*", ":", "=", "-", "–", "—":
	default:
		return 0, 0
	}
	if p.is(i+1, "x") {
		i++
		taken = 1
	}
	v, n, note := p.number(i + 1)
	if n == 0 || v < 0 || note != "" {
		return 0, 0
	}
	if next, ok := p.low(i + 1 + n); ok {
		if _, c := p.connectorAt(i + 1 + n); c == 0 && !passed[next] && !verbs[next] && !p.determinerAt(i+1+n) {
			return 0, 0 // "animals: three dogs"
		}
	}
	return v, taken + 1 + n
}

// timesBefore reads "x3" before a noun.
func timesBefore(low string) (int, bool) {
	digits, ok := strings.CutPrefix(low, "x")
	if !ok || digits == "" {
		return 0, false
	}
	v, err := strconv.Atoi(digits)
	return v, err == nil && v > 0 && v <= maxCount
}
