package methods

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
)

// TargetFromPrompt makes a target of what was read from a prompt. spans holds, for each position of the model's token sequence,
// the bytes [start,end) of the prompt that the token covers, start == end where it covers none. Several mentions of one class
// become one class: their counts add up and the tokens of all mentions stand for it.
//
// It fails, naming every class concerned, where the prompt names nothing that can be counted (prompt.ErrNoClass) and where a
// class lies beyond the tokens that the model takes.
func TargetFromPrompt(p prompt.Parsed, spans [][2]int) (guidance.Target, error) {
	positions, err := p.Locate(spans)
	if err != nil {
		return guidance.Target{}, fmt.Errorf("target: %w", err)
	}
	var t guidance.Target
	index := map[string]int{}
	for i, phrase := range p.Phrases {
		at, known := index[phrase.Class]
		if !known {
			at = len(t.Classes)
			index[phrase.Class] = at
			t.Classes = append(t.Classes, guidance.Class{Name: phrase.Class})
		}
		t.Classes[at].Count += phrase.Count
		t.Classes[at].Tokens = append(t.Classes[at].Tokens, positions[i]...)
	}
	return t, t.Validate()
}
