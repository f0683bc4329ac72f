package prompt

import (
	"fmt"
	"regexp"
	"strings"
)

// The syntax that ComfyUI, A1111 and their kind put into prompts. What stands in it is read where it is text that a model sees,
// and taken out where it is not.
var (
	tagMarkup       = regexp.MustCompile(`<[A-Za-z][\w-]*:[^<>]*>`)                  // <lora:name:0.8>
	embeddingMarkup = regexp.MustCompile(`(?i)\bembedding:[\w./\\-]+(?::[\d.]+)?`)   // embedding:name
	wildcardMarkup  = regexp.MustCompile(`__[\w*/-]+__`)                             // __animals__
	escapedMarkup   = regexp.MustCompile(`\\\(([^()\\]*)\\\)`)                       // \(series\)
	choiceMarkup    = regexp.MustCompile(`\{([^{}]*)\}`)                             // {a|b}
	editMarkup      = regexp.MustCompile(`\[([^\[\]]*(?:\||:[^\[\]:]*:)[^\[\]]*)\]`) // [a|b], [a:b:0.5]
	weightMarkup    = regexp.MustCompile(`:\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*([)\]])`)   // (a:1.2)
	breakMarkup     = regexp.MustCompile(`\b(?:BREAK|AND|ADDCOMM|ADDBASE|ADDCOL|ADDROW)\b`)
	quotedMarkup    = regexp.MustCompile(`(?i)\b(?:says?|saying|reads|reading|texts?|words?|titled|labell?ed|called|named|written|lettering|caption|inscription)[\s:,]*["“]([^"“”]*)["”]`)
	scoreMarkup     = regexp.MustCompile(`\b(?:score_\d+(?:_up)?|(?:source|rating)_\w+)`)
	chanceMarkup    = regexp.MustCompile(`^\s*(?:\d+\.?\d*::|\d+\$\$)`) // {2::a|b}, {2$$a|b}
	numberAlone     = regexp.MustCompile(`^\s*(?:[x×]\s*)?\d{1,3}\s*$`)
)

// maxNesting is how deep choices are looked for in choices.
const maxNesting = 4

// blank replaces bytes by spaces, so that all others keep their places.
func blank(b []byte, start, end int) {
	for i := start; i < end; i++ {
		b[i] = ' '
	}
}

// markup gives a text of the same length, in which the syntax of prompts is replaced by spaces and commas, and says what of it
// cannot be known before the run.
func markup(text string) (string, []string) {
	b := []byte(text)
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	take := func(re *regexp.Regexp, why string) {
		for _, m := range re.FindAllIndex(b, -1) {
			note("%q %s", text[m[0]:m[1]], why)
			blank(b, m[0], m[1])
			if re == tagMarkup || re == breakMarkup {
				b[m[0]] = ','
			}
		}
	}
	for _, m := range scoreMarkup.FindAllIndex(b, -1) {
		blank(b, m[0], m[1]) // it grades the picture and shows nothing
	}
	take(tagMarkup, "is a tag for the host, not an object: it is passed over")
	take(embeddingMarkup, "is an embedding, not a word: what it shows is not known, and it is passed over")
	take(wildcardMarkup, "is a wildcard that was not replaced: what it stands for is not known, and it is passed over")
	for _, m := range quotedMarkup.FindAllSubmatchIndex(b, -1) {
		note("%q is lettering: it is not counted", text[m[2]:m[3]])
		blank(b, m[2], m[3])
	}
	for _, m := range escapedMarkup.FindAllSubmatchIndex(b, -1) {
		if numberAlone.Match(b[m[2]:m[3]]) {
			b[m[0]], b[m[3]] = ' ', ' '
			continue
		}
		note("%q stands in parentheses that are a part of the text: it explains what stands before it and is not counted", text[m[0]:m[1]])
		blank(b, m[0], m[1])
	}
	for range maxNesting { // from the innermost outwards
		choices := choiceMarkup.FindAllSubmatchIndex(b, -1)
		for _, m := range choices {
			if strings.Contains(text[m[0]:m[1]], "|") {
				note("%q is a choice that was not made: the first of its texts is read; replace it by the text that the model gets", text[m[0]:m[1]])
			}
			keepFirst(b, m, "|")
		}
		if len(choices) == 0 {
			break
		}
	}
	for _, m := range editMarkup.FindAllSubmatchIndex(b, -1) {
		note("%q changes the prompt while sampling: the first of its texts is read for all steps", text[m[0]:m[1]])
		keepFirst(b, m, "|:")
	}
	if strings.ToUpper(text) != text { // not where all is shouted
		take(breakMarkup, "ends a part of the prompt: objects of all parts are counted together")
	}
	for _, m := range weightMarkup.FindAllSubmatchIndex(b, -1) {
		blank(b, m[0], m[2])
	}
	brackets(b)
	return string(b), notes
}

// keepFirst leaves of "{a|b|c}" the text of its first choice.
func keepFirst(b []byte, m []int, separators string) {
	inner := string(b[m[2]:m[3]])
	lead := len(chanceMarkup.FindString(inner))
	for lead < len(inner) && strings.IndexByte(separators+" ", inner[lead]) >= 0 {
		lead++ // "[:a:0.5]" begins with nothing
	}
	end := len(inner)
	if i := strings.IndexAny(inner[lead:], separators); i >= 0 {
		end = lead + i
	}
	blank(b, m[0], m[2]+lead)
	blank(b, m[2]+end, m[1])
}

// brackets takes out the brackets of emphasis. Round ones around a lone number stay: "cats (3)".
func brackets(b []byte) {
	depth := make([]int, 0, 8)
	for i, c := range b {
		switch c {
		case '[', ']', '{', '}':
			b[i] = ' '
		case '(':
			depth = append(depth, i)
		case ')':
			if len(depth) == 0 {
				b[i] = ' '
				continue
			}
			open := depth[len(depth)-1]
			depth = depth[:len(depth)-1]
			if before := strings.TrimRight(string(b[:open]), " \t"); !numberAlone.Match(b[open+1:i]) || before == "" || strings.ContainsAny(before[len(before)-1:], ",.;:!?|") {
				b[open], b[i] = ' ', ' '
			}
		}
	}
	for _, open := range depth {
		b[open] = ' '
	}
}
