// Package prompt reads from an English prompt which objects a picture shall hold, how many of each, and where their words
// stand: "a photo of two cats and a dog" → two of "cat", one of "dog". It is what lets guidance work from the prompt alone.
//
// It is a small grammar of noun phrases with word lists, not a language model: it never guesses silently. What it does not
// take as an object to count, and every number that it had to assume, it says in Parsed.Notes.
//
// The rules, in the order in which they decide:
//   - A noun phrase is [determiner or number] [adjectives] noun; the noun is the longest entry of the word list that ends it
//     ("hot dog", "fire hydrant"), else, after a determiner or number, its last word. The span is the noun's alone, "a red car"
//     gives "car".
//   - "a", "an", "one", "the" (singular) and a bare singular noun of the word list mean 1. Numbers are digits or words
//     ("twenty-one", "a dozen", "a couple of", "two pairs of").
//   - "some", "several", "a few", a bare plural and their like have no number: 2 is assumed, the least that a plural means,
//     Phrase.Vague is set, and a note says so.
//   - What stands after "on", "in", "at", "under" and their like is the place and is not counted, unless it has a number of its
//     own ("in two bowls"). What stands after "and", a comma, "with", "next to", "behind", "holding" and their like is.
//   - What is worn or grown ("with a hat", "with long ears") is not counted, nor what is absent ("no dogs", "without a dog").
//   - "a bowl of apples" is one bowl; "a bowl of three apples" is three apples; "two slices of pizza" is two of pizza.
//   - "the dogs" after "two dogs" speaks of the same ones.
package prompt

// Phrase is one mention of objects of one class.
type Phrase struct {
	// Class is the class word in lower case and singular: "cat", "hot dog", "skis".
	Class string
	// Text is the class word as it is written, Prompt[Start:End]: "Cats", "hot dogs".
	Text string
	// Count is the number of objects, at least 1.
	Count int
	// Vague tells that the prompt gives no number, so that Count is assumed.
	Vague bool
	// Start and End are the byte span of the class word in the prompt, without its article, number and adjectives.
	Start, End int
	// Attributes are the words that say what the objects are like, in the order of the text: "red" and "wooden" of "a red wooden
	// chair". They may stand behind the class: "the chair is red".
	Attributes []Attribute
}

// Parsed is what was read from a prompt.
type Parsed struct {
	// Prompt is the text as it was given.
	Prompt string
	// Phrases are the mentions of objects, in the order of the text. A class that is mentioned twice is here twice.
	Phrases []Phrase
	// Notes say, one sentence each, what was not understood, left out or assumed.
	Notes []string
}

// Parse reads the classes and counts of a prompt. It takes any text, also one that is not valid UTF-8.
func Parse(text string) Parsed {
	plain, notes := markup(text)
	p := &parser{text: text, words: scan(plain), notes: notes, mentioned: map[string]bool{}}
	p.run()
	return Parsed{Prompt: text, Phrases: p.phrases, Notes: p.notes}
}
