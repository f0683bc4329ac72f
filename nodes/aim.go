package nodes

import (
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
)

// aim is what ISACGuidance adds to a model: what to aim at, and how.
type aim struct {
	text      string         // where classes and counts are read from; "" is the positive prompt
	instances *prompt.Parsed // read before, in place of text; may be nil
	method    guidance.Method
	notes     []string // on how the inputs were read
}

// aimAt aims at what a text or instances, which may be nil, say.
func aimAt(text string, instances *Instances, method guidance.Method, notes []string) *aim {
	a := &aim{text: text, method: method, notes: notes}
	if instances != nil {
		parsed := instances.Parsed
		a.instances = &parsed
	}
	return a
}

// read gives the objects to aim at, with their places in the positive prompt.
func (a *aim) read(positive string) (prompt.Parsed, error) {
	switch {
	case a.instances != nil:
		return a.instances.In(positive)
	case a.text != "":
		return prompt.Parse(a.text).In(positive)
	}
	return prompt.Parse(positive), nil
}

// at says where in the encoded prompt the classes are, and which of them it does not hold.
func (a *aim) at(parsed prompt.Parsed, positive diffusion.Conditioning) (*diffusion.Guidance, []string, error) {
	target, left, err := methods.Aim(parsed, positive.Spans)
	if err != nil {
		return nil, nil, err
	}
	return &diffusion.Guidance{Target: target, Method: a.method}, left, nil
}
