package methods

import (
	"errors"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
)

// TargetFromPrompt makes a target of what was read from a prompt, all of it: it is Aim that fails where Aim leaves a class out.
func TargetFromPrompt(p prompt.Parsed, spans [][2]int) (guidance.Target, error) {
	target, left, err := Aim(p, spans)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("target: %w", errors.New(strings.Join(left, "; ")))
	}
	return target, err
}

// Aim makes a target of what was read from a prompt. spans holds, for each position of the model's token sequence, the bytes
// [start,end) of the prompt that the token covers, start == end where it covers none. Several mentions of one class become one class:
// their counts add up and the tokens of all mentions stand for it.
//
// Mentions that the model does not read are left out, which left says, a sentence for each; where it reads none, the target names no
// class but the reason, with which every step is skipped. Aim fails where the prompt names nothing that can be counted (prompt.ErrNoClass), and where the
// classes do not hold together.
func Aim(p prompt.Parsed, spans [][2]int) (t guidance.Target, left []string, err error) {
	positions, err := p.Locate(spans)
	if err != nil {
		return guidance.Target{}, nil, fmt.Errorf("target: %w", err)
	}
	index := map[string]int{}
	for i, phrase := range p.Phrases {
		if len(positions[i]) == 0 {
			continue
		}
		at, known := index[phrase.Class]
		if !known {
			at = len(t.Classes)
			index[phrase.Class] = at
			t.Classes = append(t.Classes, guidance.Class{Name: phrase.Class})
		}
		t.Classes[at].Count += phrase.Count
		t.Classes[at].Tokens = append(t.Classes[at].Tokens, positions[i]...)
	}
	left = p.Unread(positions)
	if len(t.Classes) == 0 {
		t.Reason = "the model reads no class word of the prompt"
	}
	return t, left, t.Validate()
}
