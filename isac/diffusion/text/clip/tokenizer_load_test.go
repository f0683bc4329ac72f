package clip

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

func TestLoadTokenizerJSON(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "tiny", "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tok, err := LoadTokenizerJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	text := "two cats don't <|endoftext|> zebra 3"
	if got, want := tok.Encode(text, 30), tiny(t).Encode(text, 30); !slices.Equal(got.IDs, want.IDs) || !slices.Equal(got.Spans, want.Spans) {
		t.Errorf("got %v, expected %v", got, want)
	}
	old := `{"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0,"b</w>":1,"ab</w>":2,"<|startoftext|>":3,"<|endoftext|>":4},"merges":["a b</w>"]}}`
	tok, err = LoadTokenizerJSON(strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Encode("ab", 0).IDs; !slices.Equal(got, []int64{3, 2, 4}) {
		t.Errorf("merges as texts: %v", got)
	}
}

func TestLoadTokenizerRefuses(t *testing.T) {
	good := `{"a":0,"b</w>":1,"ab</w>":2,"<|startoftext|>":3,"<|endoftext|>":4}`
	for _, c := range []struct{ name, vocab, merges, want string }{
		{"no json", `{"a":`, "", "vocab.json"},
		{"no marks", `{"a":0}`, "", `no "<|startoftext|>"`},
		{"same id twice", `{"a":0,"b":0,"<|startoftext|>":3,"<|endoftext|>":4}`, "", "that of"},
		{"merge outside", good, "#version: 0.2\nb a\n", "not in the vocabulary"},
		{"merge of three", good, "#version: 0.2\na b c\n", "line 2"},
		{"merge of one", good, "#version: 0.2\nab\n", "line 2"},
	} {
		_, err := LoadTokenizer(strings.NewReader(c.vocab), strings.NewReader(c.merges))
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, weights.ErrConfig) {
			t.Errorf("%s: %v, expected %q", c.name, err, c.want)
		}
	}
	if _, err := LoadTokenizerJSON(strings.NewReader(`{"model":{"type":"Unigram"}}`)); !errors.Is(err, weights.ErrUnsupported) {
		t.Errorf("tokenizer of another kind: %v", err)
	}
}

func TestNewTokenizer(t *testing.T) {
	files, err := weights.ReadTokenizer("../../testdata/tiny/tokenizer")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := NewTokenizer(files)
	if err != nil || tok.Pad != tok.EOS {
		t.Fatalf("pad %d, %v", tok.Pad, err)
	}
	files.Config = map[string]any{"pad_token": endOfText}
	files.SpecialTokens = map[string]any{"pad_token": map[string]any{"content": startOfText}} // obeyed before the other
	if tok, err = NewTokenizer(files); err != nil || tok.Pad != tok.BOS {
		t.Errorf("pad %d, bos %d, %v", tok.Pad, tok.BOS, err)
	}
	files.SpecialTokens = map[string]any{"pad_token": "no such token"}
	if _, err := NewTokenizer(files); !errors.Is(err, weights.ErrConfig) {
		t.Errorf("%v", err)
	}
}

// Single files bring no tokenizer, and of Stable Diffusion 1 have 49408 embeddings: OpenAI's own tokenizer is the right one.
func TestTokenizerOfSingleFiles(t *testing.T) {
	a, err := NewTokenizer(weights.TokenizerFiles{})
	if err != nil {
		t.Fatal(err)
	}
	a.Pad = 0 // one caller's changes are not another's
	b, err := NewTokenizer(weights.TokenizerFiles{})
	if err != nil || b.Pad != 49407 || b.Vocabulary() != 49408 || b.Encode("cat", 77).IDs[1] != 2368 {
		t.Errorf("pad %d, %v", b.Pad, err)
	}
}
