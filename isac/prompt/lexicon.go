package prompt

import (
	"embed"
	"strings"
)

//go:embed lexicon/*.txt
var lexiconFiles embed.FS

// set is a set of lower-case words and names of several words.
type set map[string]bool

// The word lists, read once when the program starts. They are small.
var (
	nouns       = list("nouns")       // objects that can be counted
	scenery     = list("scenery")     // where, when, how: never objects
	places      = list("places")      // "on the left"
	media       = list("media")       // "a photo of"
	collectives = list("collectives") // "a group of"
	containers  = list("containers")  // "a bowl of"
	portions    = list("portions")    // "a slice of"
	parts       = list("parts")       // "with a hat"
	adjectives  = list("adjectives")
	verbs       = list("verbs")
	pasts       = list("pasts")     // past forms and participles that do not end in -ed
	abstract    = list("abstract")  // what cannot be seen or counted
	furniture   = list("furniture") // what things stand on
	wearables   = list("wearables") // parts that can be taken off
	idioms      = list("idioms")    // set phrases that name no object

	// allNouns is what may end a noun phrase.
	allNouns = union(nouns, scenery, places, media, collectives, containers, portions, parts, abstract, wearables)
	// longestNoun is the number of words of the longest name in allNouns.
	longestNoun = longest(allNouns)
)

// list reads lexicon/<name>.txt: names separated by commas and line ends, lines that begin with # are comments.
func list(name string) set {
	data, err := lexiconFiles.ReadFile("lexicon/" + name + ".txt")
	if err != nil {
		panic("prompt: embedded word list: " + err.Error()) // a mistake of the build, not of a caller
	}
	s := set{}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for entry := range strings.SplitSeq(line, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				s[entry] = true
			}
		}
	}
	return s
}

func union(sets ...set) set {
	all := set{}
	for _, s := range sets {
		for k := range s {
			all[k] = true
		}
	}
	return all
}

func longest(s set) int {
	n := 0
	for k := range s {
		n = max(n, len(strings.Fields(k)))
	}
	return n
}

// passed are words that carry nothing for counting and end a noun phrase.
var passed = setOf("that", "which", "who", "whose", "while", "where", "when", "there", "here", "it", "they", "them", "he", "she", "we", "you", "i",
	"us", "him", "me", "if", "so", "than", "because", "each other", "one another", "himself", "herself", "itself", "themselves", "too", "together",
	"please", "make", "create", "generate", "give", "want", "would", "should", "could", "can", "will", "must", "let", "now", "exactly", "only",
	"out", "away", "ahead", "forward", "forwards", "backward", "backwards", "upward", "upwards", "downward", "downwards", "aside", "apart", "nearby", "overhead")

func setOf(words ...string) set {
	s := set{}
	for _, w := range words {
		s[w] = true
	}
	return s
}

// longestIdiom is the number of words of the longest set phrase.
var longestIdiom = longest(idioms)
