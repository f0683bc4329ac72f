package weights

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Folders hold the weights of one network under diffusers' or transformers' name for them, alone or with a variant's word in it:
// "model.safetensors", "model.fp16.safetensors"; in several files, an index with the word before or after "safetensors":
// "model.safetensors.index.json", "model.safetensors.index.fp16.json", "model.fp16.safetensors.index.json".

// half is the variant that is taken before others: Stable Diffusion XL's folders often have no other.
const half = "fp16"

var shard = regexp.MustCompile(`-\d+-of-\d+$`) // after the variant's word: a part, which only its index tells of

// variantOf tells whether a file is the weights called base, or their index, and of which variant, "" for none.
func variantOf(file, base string) (variant string, index, ok bool) {
	rest, ok := strings.CutPrefix(file, base)
	if !ok {
		return "", false, false
	}
	if middle, isIndex := strings.CutSuffix(rest, ".json"); isIndex {
		before, after, found := strings.Cut(middle, ".safetensors.index")
		if !found || before != "" && after != "" {
			return "", false, false
		}
		rest, index = before+after, true
	} else if rest, ok = strings.CutSuffix(rest, ".safetensors"); !ok {
		return "", false, false
	}
	if rest == "" {
		return "", index, true
	}
	word, ok := strings.CutPrefix(rest, ".")
	return word, index, ok && word != "" && !strings.Contains(word, ".") && !shard.MatchString(word)
}

// chooseVariant finds a network's weights in a folder: without a variant's word, else fp16, else the one variant that there is. One
// file is taken before an index. path is "" where there are none.
func chooseVariant(dir, base string) (path string, index bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", false, err
	}
	type choice struct {
		file  string
		index bool
	}
	found := map[string]choice{}
	for _, e := range entries {
		variant, index, ok := variantOf(e.Name(), base)
		if !ok {
			continue
		}
		if other, twice := found[variant]; !twice || other.index && !index {
			found[variant] = choice{e.Name(), index}
		}
	}
	for _, variant := range []string{"", half} {
		if c, ok := found[variant]; ok {
			return filepath.Join(dir, c.file), c.index, nil
		}
	}
	variants := sortedKeys(found)
	switch len(variants) {
	case 0:
		return "", false, nil
	case 1:
		c := found[variants[0]]
		return filepath.Join(dir, c.file), c.index, nil
	}
	var files []string
	for _, v := range variants {
		files = append(files, found[v].file)
	}
	return "", false, fmt.Errorf("%s has %s, expected %s.safetensors or one variant of it: keep only one: %w", dir, strings.Join(files, " and "), base, ErrConfig)
}
