package prompt

import (
	"fmt"
	"strconv"
	"strings"
)

// quantKind is what the words before a noun say about its number.
type quantKind int

const (
	quantBare     quantKind = iota // nothing: "cat", "cats"
	quantOne                       // "a", "an", "another", "his": one, or of unknown number before a plural
	quantDefinite                  // "the", "these"
	quantNumber                    // "two", "12", "a dozen", "a pair of"
	quantVague                     // "some", "several", "a few"
	quantNone                      // "no", "zero", "0"
)

// quantity is the determiner or number before a noun.
type quantity struct {
	kind  quantKind
	count int    // of quantNumber
	pairs bool   // counted in pairs, so that count is twice the number of pairs
	text  string // for notes, in lower case
	times int    // of "two groups of": how often the number that follows is there; 0 is once
	sum   int    // of "one white and": objects of the same class that were counted before
	attrs []Attribute
}

var units = map[string]int{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
	"twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}

var tens = map[string]int{
	"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

// groupNumbers are nouns that are numbers: "a pair of", "two dozen".
var groupNumbers = map[string]int{
	"pair": 2, "pairs": 2, "couple": 2, "duo": 2, "duos": 2, "trio": 3, "trios": 3, "quartet": 4, "quintet": 5, "dozen": 12, "score": 20, "hundred": 100, "thousand": 1000, "million": 1000000, "billion": 1000000000,
}

// vague are quantities without a number; the longest match counts.
var vague = setOf("some", "several", "many", "multiple", "numerous", "various", "countless", "few", "a few", "quite a few", "any", "lots of", "a lot of",
	"plenty of", "a number of", "a handful of", "dozens of", "hundreds of",
	"thousands of", "pairs of", "a bit of", "most", "much", "all kinds of", "different kinds of", "more than one", "scores of", "a couple of hundred", "a couple hundred", "couple of hundred", "a couple of dozen", "a couple of thousand", "umpteen")

var (
	ones      = setOf("a", "an", "another", "one", "a single", "each", "every", "a lone", "my", "your", "his", "her", "its", "our", "their", "this", "that", "someone's")
	definites = setOf("the", "these", "those", "all", "all the", "all of the", "both of the")
	nones     = setOf("no", "zero", "0", "neither", "none of the")
)

// maxCount bounds a number that is taken at its word; no picture holds more, and larger ones are mostly resolutions and years.
const maxCount = 1000

// number reads digits or number words at position i: its value and how many words it takes, 0 if there is no number there.
// A note says what was assumed or, where the value is negative, why the digits are no count.
func (p *parser) number(i int) (value, taken int, note string) {
	low, ok := p.low(i)
	if !ok {
		return 0, 0, ""
	}
	if isDigit(rune(low[0])) {
		if from, to, found := strings.Cut(low, "-"); found {
			if a, err := strconv.Atoi(from); err == nil {
				if b, err := strconv.Atoi(to); err == nil && a < b && b <= maxCount {
					return a, 1, fmt.Sprintf("%q leaves the number open: %d is taken", low, a)
				}
			}
		}
		digits := strings.ReplaceAll(low, ",", "")
		n, err := strconv.Atoi(digits)
		switch {
		case err != nil && strings.Trim(digits, "0123456789") == "", err == nil && n > maxCount:
			return -1, 1, fmt.Sprintf("%q is too large for a count, it was passed over", low)
		case err != nil:
			return 0, 0, ""
		}
		return n, 1, ""
	}
	if v, ok := timesBefore(low); ok && !p.ends(i+1) { // "x3 cats"
		return v, 1, ""
	}
	if v, ok := units[low]; ok {
		value, taken = v, 1
	} else if v, ok := tens[low]; ok {
		value, taken = v, 1
		if next, ok := p.low(i + 1); ok && units[next] > 0 && units[next] < 10 {
			value, taken = v+units[next], 2
		}
	} else if ten, unit, found := strings.Cut(low, "-"); found && tens[ten] > 0 && units[unit] > 0 && units[unit] < 10 {
		value, taken = tens[ten]+units[unit], 1
	} else {
		return 0, 0, ""
	}
	if next, _ := p.low(i + taken); next == "hundred" && value < 10 {
		value, taken = value*100, taken+1
		if more, n, _ := p.number(i + taken + p.skip(i+taken, "and")); n > 0 && more < 100 && p.is(i+taken, "and") {
			value, taken = value+more, taken+1+n
		}
	}
	return value, taken, ""
}

// quantity reads the determiner or number at position i and says how many words it takes.
func (p *parser) quantity(i int) (quantity, int) {
	if n := p.approximationAt(i); n > 0 {
		return p.approximate(i, n)
	}
	if name, n := p.match(i, vague, 4); n > 0 {
		return quantity{kind: quantVague, text: name}, n
	}
	if name, n := p.match(i, nones, 3); n > 0 {
		return quantity{kind: quantNone, text: name}, n
	}
	if low, _ := p.low(i); low == "both" || low == "either" {
		if p.bothOf(i + 1) {
			q, n := p.quantity(i + 1)
			return q, n + 1 // "both a cat and a dog": each has its own number
		}
		q := quantity{kind: quantNumber, count: 2, text: low}
		return q, 1 + p.skip(i+1, "of", "the", "these", "those", "his", "her", "their", "my", "our")
	}
	if p.is(i, "twin") && p.pluralLooking(i+1) {
		return quantity{kind: quantNumber, count: 2, text: "twin"}, 1
	}
	if n := p.skip(i, "a", "half", "dozen"); n == 3 {
		return quantity{kind: quantNumber, count: 6, text: "a half dozen"}, n + p.skip(i+n, "of")
	}
	if n := 1 + p.skip(i+1, "a"); p.is(i, "half") && p.is(i+n, "dozen") {
		return quantity{kind: quantNumber, count: 6, text: "half a dozen"}, n + 1 + p.skip(i+n+1, "of")
	}
	at, first := i, quantity{}
	if name, n := p.match(i, definites, 3); n > 0 {
		first, at = quantity{kind: quantDefinite, text: name}, i+n
	} else if name, n := p.match(i, ones, 2); n > 0 {
		first, at = quantity{kind: quantOne, text: name}, i+n
		if name == "one" {
			at = i // "one hundred"
		}
	}
	// "one" is a number too; as a determiner it means the same. After "the", "his", "another" a number may still come.
	value, taken, note := p.number(at)
	if note != "" {
		p.note("%s", note)
	}
	if value < 0 {
		return first, at - i + taken
	}
	if p.bodied(at, taken) { // "three eyed alien"
		return first, at - i + taken
	}
	if n := p.age(at, taken); n > 0 {
		return first, at - i + n
	}
	q := first
	if taken > 0 {
		q = quantity{kind: quantNumber, count: value, text: p.between(at, at+taken)}
		if value == 0 {
			q.kind = quantNone
		}
		at += taken + p.alternative(at, taken)
		at += p.restated(at, value)
	}
	if n, more := p.group(at, q, first); more > 0 {
		return n, at - i + more
	}
	if q.kind == quantNumber {
		if p.is(at, "or") && p.is(at+1, "so") {
			at += 2
		}
		at += p.partitive(at)
	}
	return q, at - i
}

// group reads "pair of", "dozen" and their like after a determiner or a number.
func (p *parser) group(at int, q, first quantity) (quantity, int) {
	low, _ := p.low(at)
	size := groupNumbers[low]
	if low == "couple" && (p.ends(at+1) && !p.is(at+1, "of") || isGerund(p.lowOr(at+1)) || isPast(p.lowOr(at+1))) {
		return q, 0 // "a couple dances"
	}
	bare := q.kind == quantBare && first.kind == quantBare
	if size == 0 || bare && !(low == "couple" || low == "pair" || low == "dozen" || low == "trio" || low == "duo" || low == "quartet") {
		return q, 0
	}
	times := 1
	if q.kind == quantNumber {
		times = q.count
	}
	n := 1
	if p.is(at+1, "of") {
		n = 2
	} else if size < 12 && low != "couple" {
		return q, 0 // "a pair" alone is no number of what follows
	}
	if p.is(at+n, "or") && p.is(at+n+1, "so") {
		n += 2
	}
	out := quantity{kind: quantNumber, count: times * size, pairs: size == 2 && low != "couple", text: p.between(max(at-1, 0), at+1)}
	if out.count > maxCount {
		p.note("%q is too large for a count, it was taken as of unknown number", out.text)
		out = quantity{kind: quantVague, text: out.text}
	}
	return out, n + p.partitive(at+n)
}

// partitive counts the words of "of the", "of these", "of his" after a number: "two of the dogs".
func (p *parser) partitive(at int) int {
	if !p.is(at, "of") {
		return 0
	}
	for _, w := range []string{"the", "these", "those", "his", "her", "their", "its", "my", "our"} {
		if p.is(at+1, w) {
			return 2
		}
	}
	return 0
}

// age counts the words of "5 year old", which says nothing of how many.
func (p *parser) age(at, taken int) int {
	if taken == 0 || !p.is(at+taken+1, "old") {
		return 0
	}
	switch unit, _ := p.low(at + taken); unit {
	case "year", "years", "month", "months", "week", "weeks", "day", "days":
		return taken + 2
	}
	return 0
}

// bodied tells whether a number counts a part within an adjective: "three eyed alien", but not "two winged horses".
func (p *parser) bodied(at, taken int) bool {
	low := p.lowOr(at + taken)
	stem, ok := strings.CutSuffix(low, "ed")
	if taken == 0 || !ok || !(parts[stem] || parts[stem+"e"] || allNouns[stem+"e"] || parts[stem[:max(len(stem)-1, 0)]] || stem == "sid" || stem == "stori" || stem == "speed") {
		return false
	}
	next, follows := p.low(at + taken + 1)
	return follows && !p.pluralLooking(at+taken+1) && !uncertain[next] && !p.ends(at+taken+1) && !adjectives[next]
}

// alternative counts the words of "or three" after "two": the number is left open and the first one is taken.
func (p *parser) alternative(at, taken int) int {
	if !p.is(at+taken, "or") && !p.is(at+taken, "to") {
		return 0
	}
	value, more, _ := p.number(at + taken + 1)
	if more == 0 || value < 0 {
		return 0
	}
	p.note("%q leaves the number open: the first one is taken", p.between(at, at+taken+1+more))
	return 1 + more
}
