package family

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Tokenizer gives the first text encoder's tokenizer, and how many tokens a chunk of a text has, without loading weights.
func (m *Files) Tokenizer() (*clip.Tokenizer, int, error) {
	cfg, err := clip.TextConfigFromWeights(clip.TextRoot(m.Text[0]), m.textConfig(0))
	if err != nil {
		return nil, 0, err
	}
	t, err := m.tokenizer(0, cfg)
	return t, int(cfg.Positions), err
}

// tokenizer gives text encoder i's tokenizer, its own or OpenAI's where the model brings none, and checks that the two belong together.
func (m *Files) tokenizer(i int, cfg clip.TextConfig) (*clip.Tokenizer, error) {
	part, files := m.Family.Text[i], m.Tokenizers[i]
	t, err := clip.NewTokenizer(files)
	if err != nil {
		return nil, err
	}
	switch words := int64(t.Vocabulary()); {
	case files.Empty() && cfg.Vocab != words:
		return nil, fmt.Errorf("%s brings no tokenizer and its %s has %d tokens, where CLIP's own has %d: put its vocab.json and merges.txt into %s: %w",
			m.Path, part.What, cfg.Vocab, words, files.Path, weights.ErrMissing)
	case cfg.Vocab < words:
		return nil, fmt.Errorf("the tokenizer in %s has %d tokens, the %s of %s only %d: they do not belong together: %w",
			files.Path, words, part.What, m.Path, cfg.Vocab, weights.ErrConfig)
	case files.Empty() && part.PadZero:
		return t.WithPad(0), nil
	}
	return t, nil
}
