package weights

import (
	"errors"
	"path/filepath"
)

// ReadTokenizer reads what there is of a tokenizer's files in a folder, and its config files, which are Tokenizer and SpecialTokens of
// the Configs. What is not there is left empty; files that cannot be read are all named in the error.
func ReadTokenizer(dir string) (TokenizerFiles, Configs, error) {
	var c Configs
	files, err := readTokenizer(dir)
	var errs [2]error
	c.Tokenizer, errs[0] = readConfig(filepath.Join(dir, "tokenizer_config.json"))
	c.SpecialTokens, errs[1] = readConfig(filepath.Join(dir, "special_tokens_map.json"))
	return files, c, errors.Join(err, errs[0], errs[1])
}
