package task

import (
	"regexp"
	"strings"

	"github.com/isac-guidance/isac/isac/prompt"
)

var (
	word      = regexp.MustCompile(`[\p{L}\p{N}'’-]+|[^\s]`)
	isNumber  = regexp.MustCompile(`^(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[0-9]+)$`)
	isThe     = regexp.MustCompile(`^(the|this|that|these|those|my|your|his|her|its|our|their)$`)
	isArticle = regexp.MustCompile(`^(a|an|another|and|or|with|,|\.|;|:)$`)
)

// definite tells whether what stands before a noun makes it one that is known already: "the coffee |table", but not "the two |dogs".
func definite(before string) bool {
	words := word.FindAllString(strings.ToLower(before), -1)
	for i := len(words) - 1; i >= 0; i-- {
		switch w := words[i]; {
		case isThe.MatchString(w):
			return true
		case isNumber.MatchString(w), isArticle.MatchString(w):
			return false
		}
	}
	return false
}

// unread finds a number word between which and the next one there is no object: the reader took it for something else, and what the
// prompt wants is not known. "" if there is none.
func unread(text string, phrases []prompt.Phrase) string {
	var number string // one whose objects are still to come
	for _, at := range word.FindAllStringIndex(text, -1) {
		w := text[at[0]:at[1]]
		for _, ph := range phrases {
			if at[0] == ph.Start {
				number = ""
			}
		}
		if isNumber.MatchString(strings.ToLower(w)) {
			if number != "" {
				return number
			}
			number = w
		}
	}
	return number
}
