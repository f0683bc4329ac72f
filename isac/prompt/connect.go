package prompt

import (
	"slices"
	"strings"
)

// link is how a noun phrase is tied to what stands before it.
type link int

const (
	linkList  link = iota // a member of the list of objects, the object of a verb, or the other side of a relation
	linkPlace             // after "on", "in", …: where things are
	linkWith              // after "with": an object, or a part of one
	linkWorn              // after "wearing"
	linkNone              // after "without": absent
	linkStyle             // after "in the style of": a name, up to the next comma
)

// longestConnector is the number of words of the longest entry of connectors.
const longestConnector = 6

// connectors are the words that tie a noun phrase to what stands before it; the longest match counts. Relations, whose both sides
// are objects, are made by relations.
var connectors = merge(map[string]link{
	"and": linkList, "or": linkList, "&": linkList, "+": linkList, "plus": linkList, "as well as": linkList, "along with": linkList,
	"together with": linkList, "in addition to": linkList, "but": linkList, "versus": linkList, "vs": linkList, "including": linkList,
	"of":   linkPlace,
	"with": linkWith, "w/": linkWith, "has": linkWith, "have": linkWith, "having": linkWith, "had": linkWith,
	"wearing": linkWorn, "wears": linkWorn, "wear": linkWorn, "wore": linkWorn, "dressed in": linkWorn, "dressed as": linkWorn, "covered in": linkWorn,
	"covered with": linkWorn, "clad in": linkWorn, "decorated with": linkWith, "equipped with": linkWith, "cluttered with": linkWith,
	"on": linkPlace, "in": linkPlace, "at": linkPlace, "outside": linkPlace, "into": linkPlace, "onto": linkPlace, "by": linkPlace, "out of": linkPlace,
	"against": linkPlace, "through": linkPlace, "across": linkPlace, "along": linkPlace, "from": linkPlace, "towards": linkPlace,
	"toward": linkPlace, "upon": linkPlace, "within": linkPlace, "around": linkPlace, "before": linkPlace, "after": linkPlace,
	"during": linkPlace, "for": linkPlace, "to": linkPlace, "like": linkPlace, "as": linkPlace, "off": linkPlace, "via": linkPlace,
	"up": linkPlace, "down": linkPlace, "per": linkPlace, "despite": linkPlace, "since": linkPlace, "until": linkPlace,
	"without": linkNone, "instead of": linkNone, "except": linkNone, "except for": linkNone, "not": linkNone, "nor": linkNone, "minus": linkNone,
	"rather than": linkNone, "free of": linkNone, "no longer": linkNone,
	"don't include": linkNone, "do not include": linkNone, "excluding": linkNone, "exclude": linkNone, "avoid": linkNone, "don't draw": linkNone,
	"do not draw": linkNone, "don't show": linkNone, "do not show": linkNone, "don't add": linkNone, "do not add": linkNone,
	"does not contain": linkNone, "doesn't contain": linkNone, "does not have": linkNone, "doesn't have": linkNone, "lacking": linkNone,
	"in the style of": linkStyle, "style of": linkStyle, "in style of": linkStyle, "painted by": linkStyle, "drawn by": linkStyle,
	"illustrated by": linkStyle, "photographed by": linkStyle, "designed by": linkStyle, "art by": linkStyle, "artwork by": linkStyle, "inspired by": linkStyle,
	"made of": linkWorn, "made out of": linkWorn, "made from": linkWorn, "full of": linkWorn, "filled with": linkWorn,
}, relations())

// relations are the connectors between two objects, in the forms in which people write them.
func relations() map[string]link {
	all := map[string]link{}
	for _, side := range strings.Fields("left right top bottom side back front edge middle center centre foot rear underside") {
		for _, lead := range []string{"on the ", "to the ", "at the ", "in the ", "on ", "to ", "at ", "by the ", "near the ", "onto the ", ""} {
			all[lead+side+" of"] = linkList
		}
		for _, lead := range []string{"on the ", "to the ", "at the "} {
			all[lead+side+" side of"], all[lead+side+" hand side of"], all[lead+side+"-hand side of"] = linkList, linkList, linkList
			all[lead+"far "+side+" of"], all[lead+"very "+side+" of"], all[lead+"immediate "+side+" of"] = linkList, linkList, linkList
		}
	}
	for _, name := range []string{
		"next to", "right next to", "close to", "beside", "besides", "right beside", "near", "near to", "nearby to", "alongside", "adjacent to", "behind", "right behind",
		"in front of", "in back of", "ahead of", "on one side of", "on either side of", "on each side of", "on the other side of", "on the opposite side of",
		"left of", "right of", "atop", "above", "over", "below", "beneath", "underneath", "under", "past", "inside", "inside of", "between",
		"in between", "among", "amongst", "facing", "opposite", "opposite to", "across from", "touching", "versus", "beyond", "amid",
		"far from", "far away from", "away from", "side by side with", "face to face with", "back to back with", "hand in hand with",
		"holding", "containing", "picking up", "picked up", "picks up", "pick up", "holding up", "holds up", "held up", "lifting up", "lifts up",
		"putting on", "puts on", "knocking over", "knocks over", "knocked over", "hanging from", "hangs from", "hung from",
	} {
		all[name] = linkList
	}
	return all
}

func merge(a, b map[string]link) map[string]link {
	for k, v := range b {
		a[k] = v
	}
	return a
}

// aims are verbs whose preposition leads to an object, not to a place: "looks at a dog", "tied to a tree".
var aims = setOf("look", "looks", "looked", "looking", "gaze", "gazes", "gazed", "gazing", "stare", "stares", "stared", "staring", "glare", "glares", "glared",
	"glaring", "bark", "barks", "barked", "barking", "smile", "smiles", "smiled", "smiling", "point", "points", "pointed", "pointing", "wave", "waves",
	"waved", "waving", "talk", "talks", "talked", "talking", "speak", "speaks", "spoke", "speaking", "listen", "listens", "listened", "listening", "shout",
	"shouts", "shouted", "shouting", "yell", "yells", "yelled", "yelling", "growl", "growls", "growled", "growling", "hiss", "hisses", "hissed", "hissing",
	"peer", "peers", "peered", "peering", "tied", "attached", "connected", "chained", "reach", "reaches", "reached", "reaching", "run", "runs", "ran", "running",
	"chase", "chases", "chased", "chasing", "laugh", "laughs", "laughed", "laughing", "aim", "aims", "aimed", "aiming", "glance", "glances", "glanced", "glancing",
	"shoot", "shoots", "shooting", "throw", "throws", "throwing", "sing", "sings", "sang", "singing", "bow", "bows", "bowed", "bowing", "compared", "belonging", "similar",
	"lunge", "lunges", "lunging", "swipe", "swipes", "swiping", "snap", "snaps", "snapping", "roar", "roars", "roaring", "feed", "feeds", "feeding", "care")

// moves are those of aims whose object only "after" leads to: "runs after a ball", but "runs to the beach".
var moves = setOf("run", "runs", "ran", "running")

// aimed tells whether a preposition after a verb names its object.
func (p *parser) aimed(name string, before int) bool {
	low, _ := p.low(before)
	switch name {
	case "at", "to", "for", "after", "toward", "towards":
		return aims[low] && (name == "after" || !moves[low])
	case "by": // "hidden by a mouse": who does it is an object
		return isParticiple(low)
	}
	return false
}

// connector reads a preposition or conjunction at the current position.
func (p *parser) connector() bool {
	name, n := p.connectorAt(p.at)
	if n == 0 {
		return false
	}
	before := p.at - 1
	p.at += n
	switch {
	case name == "and" || name == "&" || name == "or" || name == "plus" || name == "+":
		// "in a forest and mountains": a bare noun goes on with the place, "and a dog" returns to the list.
		// "the table and the shelf" are one place.
		the := p.link == linkPlace && p.is(p.at, "the")
		if p.link != linkStyle && !the && (p.startsPhrase() || p.link == linkWith) {
			p.link = linkList
		}
		if name == "or" && p.startsPhrase() {
			p.note(`"or" leaves a choice open: what stands on both sides of it is counted`)
		}
	case p.link == linkStyle:
	case p.aimed(name, before):
		p.link, p.linkText, p.carry = linkList, "", quantity{}
	default:
		p.link, p.linkText, p.carry = connectors[name], name, quantity{}
		p.verb = ""
	}
	return true
}

// connectorAt finds the longest connector at a position.
func (p *parser) connectorAt(i int) (string, int) {
	if p.approximationAt(i) > 0 { // "over ten cats" counts
		return "", 0
	}
	for n := longestConnector; n > 0; n-- {
		name := p.name(i, n)
		if _, ok := connectors[name]; name != "" && ok {
			return name, n
		}
	}
	return "", 0
}

// relationFollows tells whether a phrase is one side of a relation or does something: "a painting behind", "a poster hangs".
func (p *parser) relationFollows(i int) bool {
	name, n := p.connectorAt(i)
	if n > 0 {
		return connectors[name] == linkList && !slices.Contains([]string{"and", "or", "&", "+", "including", "plus", "but", "containing"}, name) || name == "on"
	}
	low, ok := p.low(i)
	return ok && (verbs[low] || isPast(low) || isGerund(low)) && !shows[low]
}
