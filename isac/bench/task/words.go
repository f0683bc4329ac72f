package task

import (
	"strings"
	"sync"

	"github.com/gertd/go-pluralize"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// numbers are the words of counts; prompts write no digits, as the paper does not.
var numbers = []string{"", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

// maxLevel is the largest count that has a word.
const maxLevel = 10

// sentence writes a prompt in the paper's words: "A photo of a dog, a cat, a horse, and a cow." The paper closes sentences of
// classes with a full stop and shows those of instances with and without; here all have one.
func sentence(wanted []score.Wanted) string {
	parts := make([]string, len(wanted))
	for i, w := range wanted {
		parts[i] = phrase(w)
	}
	last := len(parts) - 1
	switch len(parts) {
	case 1:
		return "A photo of " + parts[0] + "."
	case 2:
		return "A photo of " + parts[0] + " and " + parts[1] + "."
	}
	return "A photo of " + strings.Join(parts[:last], ", ") + ", and " + parts[last] + "."
}

// phrase writes "a cat", "an apple", "five cats".
func phrase(w score.Wanted) string {
	if w.Count == 1 {
		if strings.ContainsRune("aeiou", rune(w.Class[0])) {
			return "an " + w.Class
		}
		return "a " + w.Class
	}
	return numbers[w.Count] + " " + plural(w.Class)
}

// plurals remembers what plural found, by class: the inflector tries its rules one by one.
var plurals sync.Map

// inflector compiles many expressions when it is made, so it is made once, and not before it is needed.
var inflector = sync.OnceValue(pluralize.NewClient)

// plural gives the plural of a class, of whose words the last one has a number: "hot dogs", "buses", "sheep". Of the paper's classes
// sheep and skis stay as they are. Broccoli becomes "broccolis": that is the paper's "[n] [class A]s", and without a plural form
// a prompt of one and a prompt of five would differ in the number word alone.
func plural(class string) string {
	if known, ok := plurals.Load(class); ok {
		return known.(string)
	}
	lead, last := "", class
	if i := strings.LastIndexByte(class, ' '); i >= 0 {
		lead, last = class[:i+1], class[i+1:]
	}
	many := lead + inflector().Plural(last)
	plurals.Store(class, many)
	return many
}
