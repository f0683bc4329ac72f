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

	// allNouns is what may end a noun phrase.
	allNouns = union(nouns, scenery, places, media, collectives, containers, portions, parts)
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

// link is how a noun phrase is tied to what stands before it.
type link int

const (
	linkList  link = iota // a member of the list of objects, or the object of a verb
	linkPlace             // after "on", "in", …: where things are
	linkWith              // after "with": an object, or a part of one
	linkWorn              // after "wearing"
	linkNone              // after "without": absent
	linkStyle             // after "in the style of": a name, up to the next comma
)

// connectors are the words that tie a noun phrase to what stands before it; the longest match counts.
var connectors = map[string]link{
	"and": linkList, "or": linkList, "&": linkList, "+": linkList, "plus": linkList, "as well as": linkList, "along with": linkList,
	"together with": linkList, "in addition to": linkList, "but": linkList, "next to": linkList, "close to": linkList,
	"beside": linkList, "besides": linkList, "near": linkList, "alongside": linkList, "behind": linkList, "in front of": linkList,
	"to the left of": linkList, "to the right of": linkList, "on the left of": linkList, "on the right of": linkList,
	"left of": linkList, "right of": linkList, "on the side of": linkList, "on top of": linkList, "above": linkList, "over": linkList,
	"below": linkList, "beneath": linkList, "between": linkList, "among": linkList, "facing": linkList, "versus": linkList, "vs": linkList,
	"followed by": linkList, "accompanied by": linkList, "surrounded by": linkList, "opposite": linkList, "underneath": linkList,
	"holding": linkList, "containing": linkList, "including": linkList, "of": linkPlace,
	"with": linkWith, "w/": linkWith, "has": linkWith, "have": linkWith, "having": linkWith,
	"wearing": linkWorn, "wears": linkWorn, "wear": linkWorn, "dressed in": linkWorn, "dressed as": linkWorn, "covered in": linkWorn, "covered with": linkWorn,
	"on": linkPlace, "in": linkPlace, "at": linkPlace, "under": linkPlace, "inside": linkPlace, "outside": linkPlace, "into": linkPlace,
	"onto": linkPlace, "by": linkPlace, "against": linkPlace, "through": linkPlace, "across": linkPlace,
	"along": linkPlace, "from": linkPlace, "towards": linkPlace, "toward": linkPlace, "upon": linkPlace, "within": linkPlace,
	"around": linkPlace, "before": linkPlace, "after": linkPlace, "during": linkPlace, "for": linkPlace, "to": linkPlace,
	"like": linkPlace, "as": linkPlace, "off": linkPlace, "via": linkPlace, "up": linkPlace, "down": linkPlace, "past": linkPlace,
	"without": linkNone, "instead of": linkNone, "except": linkNone, "not": linkNone, "nor": linkNone, "minus": linkNone,
	"in the style of": linkStyle, "style of": linkStyle, "in style of": linkStyle, "painted by": linkStyle, "drawn by": linkStyle,
	"made of": linkWorn, "made out of": linkWorn, "full of": linkWorn, "filled with": linkWorn,
}

// passed are words that carry nothing for counting and end a noun phrase.
var passed = setOf("that", "which", "who", "whose", "while", "where", "when", "there", "here", "it", "they", "them", "he", "she", "we", "you", "i",
	"us", "him", "me", "if", "so", "than", "because", "each other", "one another", "himself", "herself", "itself", "themselves", "too", "together",
	"please", "make", "create", "generate", "give", "want", "would", "should", "could", "can", "will", "must", "let", "now", "exactly", "only")

func setOf(words ...string) set {
	s := set{}
	for _, w := range words {
		s[w] = true
	}
	return s
}
