// Package prompt reads from an English prompt which objects a picture shall hold, how many of each, what they are like, and where
// their words stand: "a photo of two cats and a red ball" → two of "cat", one of "ball", which is "red". It is what lets guidance
// work from the prompt alone.
//
// It is a grammar of noun phrases with word lists, not a language model: it never guesses silently. What it does not take as an
// object to count, and every number that it had to assume, it says in Parsed.Notes, with how to say it otherwise.
//
// The rules, in the order in which they decide:
//   - What is syntax and no text is taken out first: weights "(cats:1.3)" are read as "cats", tags such as <lora:…>, embeddings and
//     wildcards are passed over, of choices "{a|b}" the first is read, and what stands in quotes after "says" is lettering.
//   - A noun phrase is [determiner or number] [adjectives] noun. The noun is the longest name of the word lists that ends it ("hot
//     dog", "fire hydrant"), else its last word: "a bear trap" is a trap. The span is the noun's alone, "a red car" gives "car".
//   - Where it ends, before a verb, is told by the verb's form and by the number: "three boys take |pictures", "a boy kicks| a ball".
//   - "a", "an", "one", "the" (singular) and a bare singular noun of the word list mean 1. Numbers are digits or words ("twenty-one",
//     "a dozen", "two pairs of", "two groups of three"), before or after the noun ("3x cats", "cat x3", "cats (3)", "cats: 3").
//     Numbers that share a noun add up: "one white and two black cats" are three.
//   - "more than two", "at least two", "up to two" and their like have the least or the most that they allow, with a note.
//   - "some", "several", "a few", a bare plural and their like have no number: 2 is assumed, the least that a plural means,
//     Phrase.Vague is set, and a note says so.
//   - Both sides of a relation are objects: "on top of", "on the left of", "next to", "behind", "hidden by", "inside", "looks at",
//     "holding", "with". What stands after a bare "on", "in", "at" and their like is the place and is not counted, unless it has a
//     number of its own ("in two bowls"); and so is "the table" or "the room" that objects of a sentence fill or decorate.
//   - What is grown or worn ("with long ears", "wearing a hat") is not counted, but "with a crown" is; nor is what is absent ("no
//     dogs", "without a dog"), nor what cannot be seen ("played a tune").
//   - "painting", "photo" and their like say what the picture is, unless they are counted or stand in a relation.
//   - "a bowl of apples" is one bowl; "a bowl of three apples" is three apples; "two slices of pizza" is two of pizza.
//   - "the dogs" after "two dogs" speaks of the same ones; "the left cat and the right cat" are two.
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
