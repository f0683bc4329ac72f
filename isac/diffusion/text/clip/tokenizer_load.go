package clip

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

const (
	startOfText = "<|startoftext|>"
	endOfText   = "<|endoftext|>"
)

// LoadTokenizer reads vocab.json (token → id) and merges.txt (one pair a line, first learned first). Errors are weights.ErrConfig with
// what is wrong with the files.
func LoadTokenizer(vocab, merges io.Reader) (*Tokenizer, error) {
	var ids map[string]int64
	if err := json.NewDecoder(vocab).Decode(&ids); err != nil {
		return nil, fmt.Errorf("tokenizer: vocab.json: %w: %w", err, weights.ErrConfig)
	}
	text, err := io.ReadAll(merges)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: merges.txt: %w", err)
	}
	pairs, err := parseMerges(string(text))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: merges.txt: %w", err)
	}
	return newTokenizer(ids, pairs)
}

// LoadTokenizerJSON reads the one tokenizer.json that newer versions of transformers write in place of vocab.json and merges.txt.
func LoadTokenizerJSON(r io.Reader) (*Tokenizer, error) {
	var file struct {
		Model struct {
			Type   string            `json:"type"`
			Suffix string            `json:"end_of_word_suffix"`
			Vocab  map[string]int64  `json:"vocab"`
			Merges []json.RawMessage `json:"merges"`
		} `json:"model"`
		Added []struct {
			ID      int64  `json:"id"`
			Content string `json:"content"`
			Special bool   `json:"special"`
		} `json:"added_tokens"`
	}
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w: %w", err, weights.ErrConfig)
	}
	if file.Model.Type != "BPE" && file.Model.Type != "" || file.Model.Suffix != endOfWord {
		return nil, fmt.Errorf("tokenizer.json: model of type %q with end_of_word_suffix %q, expected CLIP's BPE with %q: %w",
			file.Model.Type, file.Model.Suffix, endOfWord, weights.ErrUnsupported)
	}
	pairs := make([][2]string, len(file.Model.Merges))
	for i, raw := range file.Model.Merges {
		var err error
		if pairs[i], err = parsePair(raw); err != nil {
			return nil, fmt.Errorf("tokenizer.json: merge %d: %w", i, err)
		}
	}
	ids := file.Model.Vocab
	if ids == nil {
		ids = map[string]int64{}
	}
	for _, a := range file.Added {
		ids[a.Content] = a.ID
	}
	t, err := newTokenizer(ids, pairs)
	if err != nil {
		return nil, err
	}
	for _, a := range file.Added {
		if a.Special {
			t.special[a.Content] = a.ID
		}
	}
	return t, nil
}

// parsePair reads "a b" or ["a", "b"]: tokenizer.json has known both.
func parsePair(raw json.RawMessage) ([2]string, error) {
	var line string
	if json.Unmarshal(raw, &line) == nil {
		return cutPair(line)
	}
	var pair []string
	if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
		return [2]string{}, fmt.Errorf("%s, expected two symbols: %w", raw, weights.ErrConfig)
	}
	return [2]string(pair), nil
}

func parseMerges(text string) ([][2]string, error) {
	var pairs [][2]string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" || i == 0 && strings.Contains(line, "#version") {
			continue
		}
		pair, err := cutPair(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func cutPair(line string) ([2]string, error) {
	a, b, ok := strings.Cut(line, " ")
	if !ok || a == "" || b == "" || strings.Contains(b, " ") {
		return [2]string{}, fmt.Errorf("%q, expected two symbols with a space between: %w", line, weights.ErrConfig)
	}
	return [2]string{a, b}, nil
}

// newTokenizer checks that the vocabulary and the merges fit together, and takes CLIP's special tokens from the vocabulary.
func newTokenizer(ids map[string]int64, merges [][2]string) (*Tokenizer, error) {
	t := &Tokenizer{ids: ids, ranks: make(map[[2]string]int, len(merges)), special: map[string]int64{}}
	var mistakes weights.Mistakes
	seen := make(map[int64]string, len(ids))
	names := make([]string, 0, len(ids))
	for name := range ids {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		id := ids[name]
		if first, twice := seen[id]; twice || id < 0 {
			mistakes = append(mistakes, fmt.Errorf("vocabulary: %q has id %d, which is negative or that of %q: %w", name, id, first, weights.ErrConfig))
		}
		seen[id] = name
	}
	for _, name := range []string{startOfText, endOfText} {
		id, ok := ids[name]
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("vocabulary: no %q, this is not CLIP's: %w", name, weights.ErrConfig))
		}
		t.special[name] = id
	}
	for rank, pair := range merges {
		if _, ok := ids[pair[0]+pair[1]]; !ok {
			mistakes = append(mistakes, fmt.Errorf("merge %d: %q + %q is not in the vocabulary: %w", rank, pair[0], pair[1], weights.ErrConfig))
		}
		if _, twice := t.ranks[pair]; !twice {
			t.ranks[pair] = rank
		}
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("tokenizer: %w", mistakes)
	}
	t.BOS, t.EOS = t.special[startOfText], t.special[endOfText]
	t.Pad, t.unknown = t.EOS, t.EOS
	return t, nil
}

// NewTokenizer makes the tokenizer of a model's files, with the padding token that its config files name; OpenAI's where it brings none,
// as single files do.
func NewTokenizer(f weights.TokenizerFiles) (t *Tokenizer, err error) {
	switch {
	case f.Vocab != nil && f.Merges != nil:
		t, err = LoadTokenizer(bytes.NewReader(f.Vocab), bytes.NewReader(f.Merges))
	case f.JSON != nil:
		t, err = LoadTokenizerJSON(bytes.NewReader(f.JSON))
	default:
		t, err = OpenAI()
	}
	if err == nil {
		err = t.setPad(f)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return t, nil
}

// setPad takes the padding token that the tokenizer's config files name; of the two, special_tokens_map.json is the one that is obeyed
// (Stable Diffusion 2's files disagree, and it was trained with that one's).
func (t *Tokenizer) setPad(f weights.TokenizerFiles) error {
	name := cmp.Or(tokenName(f.SpecialTokens["pad_token"]), tokenName(f.Config["pad_token"]))
	if name == "" {
		return nil
	}
	id, ok := t.ids[name]
	if !ok {
		return fmt.Errorf("tokenizer: pad_token %q is not in the vocabulary: %w", name, weights.ErrConfig)
	}
	t.Pad = id
	return nil
}

// tokenName reads a special token of a config file: a text, or in older files an object with the text as its content.
func tokenName(v any) string {
	if object, ok := v.(map[string]any); ok {
		v = object["content"]
	}
	name, _ := v.(string)
	return name
}
