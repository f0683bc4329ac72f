package prompt

import "strings"

// decide makes a noun phrase an object, or notes why it is none. The words of the phrase are [start, h.last).
func (p *parser) decide(h headNoun, q quantity, start int) {
	text := p.between(start, h.last)
	of := p.is(h.last, "of")
	in := func(s set) bool { return s[h.class] || s[h.written] }
	switch {
	case p.link == linkStyle:
		return
	case of && collectives[h.class]:
		p.collective(h, q, text)
		return
	case of && portions[h.class]:
		p.portion(h, q, text)
		return
	case in(media) && !nouns[h.class] && p.medium(h, q, of):
		p.at = h.last
		if of {
			p.at++
			p.link, p.linkText = linkList, ""
		}
		return
	case q.kind == quantNone || p.link == linkNone:
		p.note("%q is not wanted in the picture: it is not counted, and guidance cannot remove it", text)
		return
	case of && containers[h.class] && p.numberFollows(h.last+1):
		p.at = h.last + 1
		p.link, p.linkText = linkList, ""
		if q.kind == quantNumber && q.count > 1 {
			p.carry = quantity{kind: quantVague, text: text, times: q.count}
		}
		p.note("%q holds what is counted and is not counted itself", text)
		return
	case in(places):
		p.link, p.linkText = linkList, "" // "on the left and the cat on the right"
		return
	case in(abstract) && !in(nouns) && !(servings[h.class] && q.kind == quantNumber && isPlural(h.written)), !h.known && isAbstract(h.class):
		p.note("%q is taken as nothing that can be seen and counted; "+howToCount, text, h.class)
		return
	case in(scenery) && !in(nouns) && !(q.kind == quantNumber && q.count > 1):
		p.note("%q is taken as the scene, not as an object to count; "+howToCount, text, h.class)
		return
	case copulas[p.verb] && p.link == linkList && len(p.phrases) > 0 && (q.kind == quantOne || q.kind == quantDefinite):
		p.note("%q says what was named before, it is not counted again; "+howToCount, text, h.class)
		return
	case p.surroundings(h, q):
		p.note("%q is taken as the place, not as an object to count; "+howToCount, text, h.class)
		return
	case p.part(h, q):
		p.note("%q is taken as a part of something, not as an object to count; "+howToCount, text, h.class)
		return
	case p.link == linkPlace && !(q.kind == quantNumber && (h.known || q.count > 1)):
		p.note("%q stands after %q: it is taken as the place, not as an object to count; "+howToCount, text, p.linkText, h.class)
		return
	}
	if in(wearables) && p.link == linkWith && q.kind != quantNumber {
		p.note("%q is counted as an object of its own; leave it out of an override if it is a part of what wears it", text)
	}
	p.object(h, q, text)
	if of && containers[h.class] {
		p.contents(h.last)
	}
}

// servings are stuff that is counted in glasses and plates: "two beers".
var servings = setOf("beer", "coffee", "tea", "juice", "soup", "wine", "lunch", "meal", "snack")

// isAbstract tells words of no list that name no thing by their ending: "happiness", "minimalism".
func isAbstract(class string) bool {
	for _, suffix := range []string{"ness", "ity", "ism", "ence", "manship", "ionship", "hood", "logy"} {
		if strings.HasSuffix(class, suffix) && len(class) > len(suffix)+2 {
			return true
		}
	}
	return false
}

// howToCount ends notes on what was left out.
const howToCount = "to count it, write all objects and it in the override, as in %s=1"

// collective reads "a group of": what follows is counted; without a number of its own it has none.
func (p *parser) collective(h headNoun, q quantity, text string) {
	p.at = h.last + 1
	p.carry = quantity{kind: quantVague, text: text}
	if q.kind == quantNumber {
		p.carry.times = q.count
	}
}

// portion reads "two slices of": the number goes over to what follows.
func (p *parser) portion(h headNoun, q quantity, text string) {
	p.at = h.last + 1
	switch {
	case q.kind == quantBare && isPlural(h.written):
		q = quantity{kind: quantVague, text: text}
	case q.kind == quantOne:
		q = quantity{kind: quantNumber, count: 1, text: q.text}
	}
	q.attrs, q.sum = nil, 0
	p.carry = q
}

// medium tells whether a word such as "painting" says what the picture is. It is an object where it is counted, stands in a
// relation or among objects: "three paintings", "a painting behind a boy", "an egg, a painting and a goldfish".
func (p *parser) medium(h headNoun, q quantity, of bool) bool {
	if q.kind == quantNumber && (q.count > 1 || q.text == "one" || q.text == "1") && p.link != linkPlace {
		return false
	}
	if of || q.kind == quantBare {
		return true
	}
	if shows[p.lowOr(h.last)] && !p.relationFollows(h.last) || !nonObjects[h.class] && p.is(h.last, "with") && len(p.phrases) == 0 {
		return true
	}
	if !physicalMedia[h.class] {
		return len(p.phrases) == 0 && !p.relationFollows(h.last) || nonObjects[h.class]
	}
	member := len(p.phrases) > 0 || p.link == linkPlace
	if p.continues(h.last) { // "a painting, a camera and two horses", but "a painting, two cats"
		_, n := p.peekQuantity(h.last + 1)
		member = member || n > 0 && p.words[h.last].low == "and"
	}
	return !member && !p.relationFollows(h.last)
}

// shows are words after a medium that lead to what it shows.
var shows = setOf("of", "showing", "shows", "depicting", "depicts", "featuring", "features", "containing", "contains", "where", "that", "taken", "made", "shot",
	"drawn", "painted", "by", "in", "from", "for", "depicted", "rendered", "titled", "called", "featured", "capturing", "captures", "illustrating", "about")

// physicalMedia are media that are things as well.
var physicalMedia = setOf("painting", "drawing", "poster", "sticker", "mural", "photograph", "portrait", "sketch", "comic", "mosaic", "print", "picture", "photo",
	"oil painting", "artwork", "emoji", "logo", "icon", "frame", "collage")

// nonObjects are media that are never things.
var nonObjects = setOf("view", "scene", "shot", "close-up", "closeup", "close up", "render", "rendering", "image", "footage", "depiction", "still life",
	"wallpaper", "anime", "animation", "3d render", "cg render", "line art", "illustration", "snapshot", "selfie")

// surroundings tells whether "the shelf" is where the objects are, not one of them: what things stand on, after a verb, and what they fill
// or decorate.
func (p *parser) surroundings(h headNoun, q quantity) bool {
	known := q.kind == quantDefinite || q.kind == quantOne && possessives[q.text]
	if !known || p.verb == "" || p.link != linkList || p.mentioned[h.class] {
		return false
	}
	return fills[p.verb] || (furniture[h.class] || furniture[h.written]) && len(p.phrases) > 0
}

// part tells whether a phrase names a part of what stands before it: what is grown, and what is worn.
func (p *parser) part(h headNoun, q quantity) bool {
	worn := wearables[h.class] || wearables[h.written]
	body := !worn && (parts[h.class] || parts[h.written])
	counted := q.kind == quantNumber && (q.count > 1 || p.link != linkWorn)
	switch {
	case p.link == linkWorn:
		return !counted
	case body && !nouns[h.class] && !nouns[h.written]:
		own := q.kind == quantNumber || q.kind == quantOne && !possessives[q.text] && p.verb == ""
		return p.link != linkList || !own // "with two ears", but "a hand and two eyes"
	case p.link == linkWith && (body || worn):
		return !counted && !(worn && q.kind == quantOne) // "with long ears", but "with a crown"
	case q.kind == quantBare && worn && p.wearer() && (h.first == 0 || p.words[p.tagStart(h.first)].low == ","):
		return true // "1girl, hat"
	}
	return q.kind == quantOne && possessives[q.text] && (body || worn)
}

// wearer tells whether a person was named.
func (p *parser) wearer() bool {
	for _, ph := range p.phrases {
		if people[ph.Class] {
			return true
		}
	}
	return false
}

var people = setOf("girl", "boy", "man", "woman", "person", "child", "lady", "guy", "king", "queen", "prince", "princess", "knight", "wizard", "witch", "elf", "angel",
	"cat girl", "soldier", "student", "teacher", "nurse", "maid", "other", "ninja", "samurai", "pirate", "kid", "toddler", "teenager", "superhero")

// tagStart goes back over adjectives to what stands before a tag.
func (p *parser) tagStart(i int) int {
	for i--; i > 0 && !p.words[i].mark; i-- {
		if low := p.words[i].low; !adjectives[low] && !isAdjectival(low) {
			break
		}
	}
	return max(i, 0)
}

// numberFollows tells whether a noun phrase with a number of its own begins at a position.
func (p *parser) numberFollows(i int) bool {
	q, n := p.peekQuantity(i)
	return n > 0 && q.kind == quantNumber
}

// contents passes over "of apples" after "a bowl": the bowl is the object.
func (p *parser) contents(of int) {
	end := p.chunkEnd(of+1, false)
	if end > of+1 {
		p.note("%q is taken as the contents of one object, it is not counted", p.between(of+1, end))
	}
	p.at = max(end, of+1)
}

// fills are verbs whose "the …" is where the objects are.
var fills = setOf("filled", "fill", "fills", "filling", "adorned", "adorn", "adorns", "adorning", "cluttered", "clutter", "clutters", "cluttering", "decorated",
	"decorate", "decorates", "decorating", "completed", "complete", "completes", "completing", "occupied", "occupy", "occupies", "occupying", "crowded",
	"crowd", "crowds", "crowding", "entertained", "entertain", "entertains", "entertaining", "lined", "line", "lines", "lining", "lit", "light", "lights",
	"lighting", "illuminated", "illuminate", "illuminates", "brightened", "brighten", "brightens", "enlivened", "graced", "grace", "graces", "littered",
	"litter", "populated", "populate", "surrounded", "surround", "surrounds", "furnished", "furnish", "entered", "enter", "enters", "left", "leave", "leaves",
	"crossed", "cross", "crosses", "toured", "visited", "visit", "visits", "overlooked", "overlook", "overlooks", "shared", "dotted", "dot", "dots", "blocked",
	"block", "blocks", "packed", "stocked", "topped", "amazed", "delighted", "charmed", "impressed", "made", "make", "makes", "set", "livened", "beautified", "transformed",
	"enjoyed", "enjoy", "enjoys", "roamed", "roam", "roams", "explored", "explore", "explores", "patrolled", "patrol", "warmed", "cheered", "greeted", "welcomed", "attended", "joined", "accompanied", "filled up", "covered", "cover", "covers")
