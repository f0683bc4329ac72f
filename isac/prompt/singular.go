package prompt

import (
	"strings"
	"sync"

	"github.com/gertd/go-pluralize"
)

// inflections are words that the general rules get wrong, or whose plural is the name itself (COCO says "skis").
var inflections = map[string]string{
	"ski": "skis", "skis": "skis", "lens": "lens", "lenses": "lens", "species": "species", "octopi": "octopus",
	"pants": "pants", "trousers": "trousers", "jeans": "jeans", "shorts": "shorts", "scissors": "scissors", "pliers": "pliers",
	"sunglasses": "sunglasses", "eyeglasses": "eyeglasses", "binoculars": "binoculars", "goggles": "goggles", "pajamas": "pajamas",
	"headphones": "headphones", "glasses": "glass", "taxis": "taxi", "dice": "die", "axes": "axe", "bus": "bus", "buses": "bus",
	"people": "person", "persons": "person", "rhinoceros": "rhinoceros", "mongooses": "mongoose", "kiwis": "kiwi", "ufos": "ufo",
	"walrus": "walrus", "data": "data", "woods": "woods", "tvs": "tv", "suvs": "suv", "aircrafts": "aircraft", "news": "news",
	"cactuses": "cactus", "clothes": "clothes", "handkerchiefs": "handkerchief", "chefs": "chef", "mattresses": "mattress", "canvas": "canvas",
}

// uncertain are words whose plural is the same as their singular, so that the word alone does not tell the number.
var uncertain = setOf("sheep", "fish", "deer", "moose", "bison", "shrimp", "squid", "aircraft", "spacecraft", "hovercraft", "skis", "goldfish",
	"clownfish", "jellyfish", "starfish", "salmon", "reindeer", "elk", "antelope", "buffalo", "swine", "species", "series")

// pairNouns are things that come in one piece and are counted in pairs: "a pair of scissors" is one thing.
var pairNouns = setOf("scissors", "pants", "trousers", "jeans", "shorts", "pliers", "sunglasses", "eyeglasses", "binoculars", "goggles", "pajamas",
	"headphones")

// plurals is the inflector, which is only read once it is made. Its constructor compiles many expressions, so it waits for the
// first prompt.
var plurals = sync.OnceValue(pluralize.NewClient)

// singular gives a lower-case name in the singular: "hot dogs" → "hot dog". Only the last word of a name has a number.
func singular(name string) string {
	if strings.Contains(name, " ") && allNouns[name] {
		return name
	}
	lead, last := "", name
	if i := strings.LastIndexByte(name, ' '); i >= 0 {
		lead, last = name[:i+1], name[i+1:]
	}
	if spaced := strings.ReplaceAll(last, "-", " "); spaced != last {
		if s := singular(spaced); nouns[s] { // "hot-dogs"
			return lead + s
		}
	}
	if i := strings.LastIndexByte(last, '-'); i >= 0 { // "t-shirts": the rules know plain words
		lead, last = lead+last[:i+1], last[i+1:]
	}
	if s, ok := inflections[last]; ok {
		return lead + s
	}
	// A singular that the lists know is never cut, whatever it ends in ("octopus", "dress").
	if allNouns[last] {
		return name
	}
	if strings.HasSuffix(last, "sis") || strings.HasSuffix(last, "ss") || strings.HasSuffix(last, "us") {
		return name // "oasis": no plural ends so
	}
	if s := plurals().Singular(last); s != "" {
		return lead + s
	}
	return name // "s" is all ending
}

// isPlural tells whether a word can only be a plural.
func isPlural(name string) bool {
	if pairNouns[name] {
		return true
	}
	return !uncertain[singular(name)] && singular(name) != name
}
