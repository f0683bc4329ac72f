package nodes

import (
	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/prompt"
)

// guidance is what ISACGuidance adds to a model: what to aim at, and how.
type guidance struct {
	text      string         // where classes and counts are read from; "" is the positive prompt
	instances *prompt.Parsed // read before, in place of text; may be nil
	options   isac.Options
}

// read gives the objects to aim at, with their places in the positive prompt.
func (g *guidance) read(positive string) (prompt.Parsed, error) {
	switch {
	case g.instances != nil:
		return moveTo(*g.instances, positive)
	case g.text != "":
		return moveTo(prompt.Parse(g.text), positive)
	}
	return prompt.Parse(positive), nil
}

// aim says where in the encoded prompt the classes are.
func (g *guidance) aim(parsed prompt.Parsed, positive diffusion.Conditioning) (*diffusion.Guidance, error) {
	target, err := isac.TargetFromPrompt(parsed, positive.Spans)
	if err != nil {
		return nil, err
	}
	return &diffusion.Guidance{Target: target, Options: g.options}, nil
}
