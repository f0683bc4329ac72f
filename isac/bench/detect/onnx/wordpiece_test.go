package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The ids are of Hugging Face's tokenizers library. The vocabulary comes once as vocab.txt and once as tokenizer.json.
func TestWordpiece(t *testing.T) {
	for _, folder := range []string{"testdata/dino", "testdata/dino-fixed"} {
		w, err := openWordpiece("testdata/nowhere", folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range readGolden(t).Tokens {
			if got := w.encode(c.Text); !slices.Equal(got, c.IDs) {
				t.Errorf("%s: %q has tokens %v, want %v", folder, c.Text, got, c.IDs)
			}
		}
	}
}

func TestWordpieceErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"nothing there": {"readme.md", "", "no vocab.txt and no tokenizer.json in "},
		"not BERT's":    {"vocab.txt", "[PAD]\n[UNK]\ncat\n", "the vocabulary of 3 pieces has no [CLS], [SEP]; it is not BERT's"},
		"not JSON":      {"tokenizer.json", "{", "tokenizer.json: unexpected end"},
		"another kind":  {"tokenizer.json", `{"model": {"type": "BPE", "vocab": {}}}`, `the tokenizer is of type "BPE"`},
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, c.file), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openWordpiece(folder); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
