package clip

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// LoadTokenizerFolder reads the tokenizer in a folder, such as tokenizer/ or tokenizer_2/ of a diffusers folder, without any weights:
// vocab.json and merges.txt, or tokenizer.json, and the padding token that its config files name. A folder that has no
// tokenizer, or is not there, is weights.ErrMissing: single files bring none, and OpenAI is the one that they take for granted.
func LoadTokenizerFolder(dir string) (*Tokenizer, error) {
	files, err := weights.ReadTokenizer(dir)
	if err != nil {
		return nil, err
	}
	if files.Empty() {
		return nil, fmt.Errorf("%s has neither vocab.json and merges.txt nor tokenizer.json: %w", dir, weights.ErrMissing)
	}
	return NewTokenizer(files)
}

// LoadTokenizerOf gives the first tokenizer of a model, which is a diffusers folder or a single file, without opening its weights: that in
// tokenizer/ in the folder or beside the file, or OpenAI's where there is none. Whether it fits the text model is not looked at.
func LoadTokenizerOf(model string) (*Tokenizer, error) {
	info, err := os.Stat(model)
	if err != nil {
		return nil, fmt.Errorf("tokenizer of a model: %w", err)
	}
	dir := filepath.Join(model, "tokenizer")
	if !info.IsDir() {
		dir = filepath.Join(filepath.Dir(model), "tokenizer")
	}
	files, err := weights.ReadTokenizer(dir)
	if err != nil {
		return nil, err
	}
	return NewTokenizer(files)
}

// WithPad gives a tokenizer that pads with another token and is the same otherwise: OpenCLIP's models pad with 0, which is "!".
func (t *Tokenizer) WithPad(id int64) *Tokenizer {
	own := *t // its tables are shared and never change
	own.Pad = id
	return &own
}
