package weights

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// TokenizerFiles are the bytes of a CLIP tokenizer's files: vocab.json and merges.txt, or the one tokenizer.json that newer
// transformers write, or both; and what its config files say.
type TokenizerFiles struct {
	Vocab, Merges, JSON []byte
	// Config and SpecialTokens are tokenizer_config.json and special_tokens_map.json, nil where there are none.
	Config, SpecialTokens map[string]any
	// Path is the folder they come from, for error messages.
	Path string
}

// Empty says whether there is no tokenizer.
func (t TokenizerFiles) Empty() bool { return (t.Vocab == nil || t.Merges == nil) && t.JSON == nil }

// ReadTokenizer reads what there is of a tokenizer's files in a folder. What is not there is left empty; files that cannot be read
// are all named in the error.
func ReadTokenizer(dir string) (TokenizerFiles, error) {
	t := TokenizerFiles{Path: dir}
	var errs []error
	for _, file := range []struct {
		name string
		to   *[]byte
	}{{"vocab.json", &t.Vocab}, {"merges.txt", &t.Merges}, {"tokenizer.json", &t.JSON}} {
		text, err := ReadText(filepath.Join(dir, file.name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("read tokenizer: %w", err))
		}
		*file.to = text
	}
	var err error
	t.Config, err = ReadJSON(filepath.Join(dir, "tokenizer_config.json"))
	errs = append(errs, err)
	t.SpecialTokens, err = ReadJSON(filepath.Join(dir, "special_tokens_map.json"))
	errs = append(errs, err)
	if (t.Vocab == nil) != (t.Merges == nil) && t.JSON == nil {
		errs = append(errs, fmt.Errorf("read tokenizer: %s has only one of vocab.json and merges.txt: %w", dir, ErrMissing))
	}
	return t, errors.Join(errs...)
}
