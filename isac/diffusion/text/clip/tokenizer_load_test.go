package clip

import (
	"encoding/json"
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

func TestTokenizerFor(t *testing.T) {
	const folder, single = "../../testdata/tiny", "../../weights/testdata/tiny_ldm.safetensors"
	files := func(path string) *weights.ModelFiles {
		t.Helper()
		m, err := weights.OpenModel(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	m := files(folder)
	tok, err := TokenizerFor(m)
	if err != nil || tok.Pad != tok.EOS {
		t.Fatalf("pad %d, %v", tok.Pad, err)
	}
	m.Config.Tokenizer = map[string]any{"pad_token": endOfText}
	m.Config.SpecialTokens = map[string]any{"pad_token": map[string]any{"content": startOfText}} // obeyed before the other
	if tok, err = TokenizerFor(m); err != nil || tok.Pad != tok.BOS {
		t.Errorf("pad %d, bos %d, %v", tok.Pad, tok.BOS, err)
	}
	m.Config.SpecialTokens = map[string]any{"pad_token": "no such token"}
	if _, err := TokenizerFor(m); !errors.Is(err, weights.ErrConfig) {
		t.Errorf("%v", err)
	}

	// A single file brings no tokenizer, and this one's text encoder is too small for OpenAI's.
	bare := files(single)
	_, err = TokenizerFor(bare)
	if !errors.Is(err, weights.ErrMissing) || !strings.Contains(err.Error(), "vocab.json and merges.txt into") {
		t.Errorf("%v", err)
	}
	bare.Tokenizer = m.Tokenizer
	if _, err := TokenizerFor(bare); err != nil {
		t.Errorf("with the folder's tokenizer: %v", err)
	}
	big := openai(t)
	vocab, err := json.Marshal(big.ids)
	if err != nil {
		t.Fatal(err)
	}
	bare.Tokenizer.Vocab, bare.Tokenizer.Merges = vocab, []byte("#version: 0.2\n")
	if _, err := TokenizerFor(bare); !errors.Is(err, weights.ErrConfig) || !strings.Contains(err.Error(), "49408") {
		t.Errorf("tokenizer of another model: %v", err)
	}
}

// Every single file of Stable Diffusion 1 has 49408 embeddings: OpenAI's own tokenizer is the right one.
func TestTokenizerForBareStableDiffusion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text.safetensors")
	rows := weights.Entry{Name: "text_model.embeddings.token_embedding.weight", DType: weights.I8, Shape: []int64{49408, 1}, Data: make([]byte, 49408)}
	if err := weights.Write(path, []weights.Entry{rows}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := TokenizerFor(&weights.ModelFiles{Text: f})
	if err != nil {
		t.Fatal(err)
	}
	a.Pad = 0 // one caller's changes are not another's
	b, err := TokenizerFor(&weights.ModelFiles{Text: f})
	if err != nil || b.Pad != 49407 || b.Encode("cat", 77).IDs[1] != 2368 {
		t.Errorf("pad %d, %v", b.Pad, err)
	}
}
