package clip

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// comfyRow is a row of tokens as testdata/make_prompts.py writes ComfyUI's.
type comfyRow struct {
	IDs     []any        // numbers, or [file, tensor, row] of an embedding
	Length  int          // with padding, which repeats the last of IDs
	Weights [][2]float64 // position and weight of those that are not 1
}

func comfyPrompts(t *testing.T) (cases []struct {
	Text    string
	L, G, H []comfyRow
}) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixture.Dir("prompts"), "fixture.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &struct{ Tokens any }{&cases}); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("%d cases, expected dozens", len(cases))
	}
	return cases
}

func testEmbeddings() Embeddings {
	return Embeddings{Folders: []string{filepath.Join(fixture.Dir("prompts"), "embeddings")}}
}

// TestPromptEqualsComfyUI compares ids, vectors and weights of all rows, for the three ways of padding and three kinds of embeddings.
func TestPromptEqualsComfyUI(t *testing.T) {
	torchtest.Require(t)
	ours := testEmbeddings()
	for _, c := range comfyPrompts(t) {
		for _, e := range []struct {
			key   string
			width int
			zero  bool
			want  []comfyRow
		}{{"clip_l", 16, false, c.L}, {"clip_g", 24, true, c.G}, {"clip_h", 32, true, c.H}} {
			tok := openai(t)
			if e.zero {
				tok = tok.WithPad(0)
			}
			find := ours.Finder(e.key)
			got := tok.Prompt(c.Text, Chunking{Length: 77, Width: e.width, Find: find})
			if strings.Contains(c.Text, "embedding:bundle") && e.key != "clip_l" {
				continue // its vectors are the first encoder's alone; what becomes of others is compared with the states
			}
			if difference := compareRows(got.Rows, e.want, find); difference != "" {
				t.Errorf("%s: %q: %s", e.key, c.Text, difference)
			}
			checkPromptSpans(t, c.Text, got)
		}
	}
}

// compareRows says how rows differ from ComfyUI's.
func compareRows(got [][]Token, want []comfyRow, find Find) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d rows, want %d", len(got), len(want))
	}
	for i, row := range want {
		if len(got[i]) != row.Length {
			return fmt.Sprintf("row %d has %d tokens, want %d", i, len(got[i]), row.Length)
		}
		weights := map[int]float64{}
		for _, w := range row.Weights {
			weights[int(w[0])] = w[1]
		}
		for j, token := range got[i] {
			weight, odd := weights[j]
			if !odd {
				weight = 1
			}
			same := token.Weight == weight
			switch id := row.IDs[min(j, len(row.IDs)-1)].(type) {
			case float64:
				same = same && token.Vector == nil && token.ID == int64(id)
			case []any:
				vectors, err := find(id[0].(string))
				row := int(id[2].(float64))
				if strings.Contains(id[1].(string), ".b.") {
					row++ // behind the one vector of .a.
				}
				same = same && err == nil && slices.Equal(token.Vector, vectors[row])
			}
			if !same {
				return fmt.Sprintf("row %d, position %d: token %d of %d numbers with weight %v, want %v with %v", i, j, token.ID, len(token.Vector), token.Weight, row.IDs[min(j, len(row.IDs)-1)], weight)
			}
		}
	}
	return ""
}

// checkPromptSpans wants spans within the text, and those of words not to go back.
func checkPromptSpans(t *testing.T, text string, p Prompt) {
	t.Helper()
	last := 0
	for i, s := range p.Spans() {
		if s[0] > s[1] || s[1] > len(text) || s[0] < s[1] && s[0] < last {
			t.Fatalf("%q: span %v of position %d after one that starts at %d", text, s, i, last)
		}
		if s[0] < s[1] {
			last = s[0]
		}
	}
}

// TestPromptSpans holds that positions point into the text as it was typed: weights, escapes and rows do not move them.
func TestPromptSpans(t *testing.T) {
	tok := openai(t)
	for text, want := range map[string]string{
		"two (cats:1.3) and ((a dog))":         "two cats and a dog",
		`a \(big\) cat`:                        "a \\( big \\) cat",
		strings.Repeat("very ", 80) + "(é:2)":  strings.Repeat("very ", 80) + "é",
		"(a (b:1.2) c:1.5) d":                  "a b c d",
		"a embedding:absent dog":               "a dog",
		"Two\n(CATS\n:1.1)":                    "Two CATS",
		strings.Repeat("a ", 74) + "(one two)": strings.Repeat("a ", 74) + "one two",
	} {
		p := tok.Prompt(text, Chunking{Length: 77})
		var words []string
		for _, s := range p.Spans() {
			if s[0] < s[1] {
				words = append(words, text[s[0]:s[1]])
			}
		}
		if got := strings.Join(words, " "); got != want && got != strings.TrimSpace(want) && strings.Join(slices.Compact(words), " ") != want {
			t.Errorf("%q covers %q, want %q", text, got, want)
		}
		for i, row := range p.Rows {
			if len(row) != 77 || row[0].ID != tok.BOS || !slices.ContainsFunc(row, func(x Token) bool { return x.ID == tok.EOS }) {
				t.Errorf("%q: row %d has %d tokens, the first %d", text, i, len(row), row[0].ID)
			}
		}
	}
	// What fits into one row is what Encode gives, which is transformers'.
	for _, text := range []string{"", "two cats and a dog", strings.Repeat("cat ", 75)} {
		want, got := tok.Encode(text, 77), tok.Prompt(text, Chunking{Length: 77})
		if !slices.Equal(got.Spans(), want.Spans) || len(got.Rows) != 1 || len(got.Notes) != 0 {
			t.Errorf("%q: %d rows, notes %q, spans %v, want %v", text, len(got.Rows), got.Notes, got.Spans(), want.Spans)
		}
	}
}

// TestPromptNotes holds what the user is told, and that it is told once.
func TestPromptNotes(t *testing.T) {
	torchtest.Require(t)
	tok := openai(t)
	for text, want := range map[string]string{
		"a embedding:absent cat":     "embedding absent is left out: not found in",
		"embedding:../tokens":        "no name of a file",
		"a embedding:":               "without a name",
		"embedding:first cat":        "2 vectors of embeddings are left out",
		strings.Repeat("cat ", 76):   "has 76 tokens and is encoded in 2 chunks of 77",
		"a cat <lora:x:0.8>":         "LoraLoader",
		"a cat BREAK a dog":          "BREAK is read as text",
		"a {red|blue} cat":           "{red|blue} is read as text",
		"a [cat:dog:0.5]":            "words do not change during a run",
		"a [cat]":                    "write (text:0.9)",
		"embedding:a/b/c/../../../x": "not found in",
	} {
		p := tok.Prompt(text, Chunking{Length: 77, Width: 24, Find: testEmbeddings().Finder("clip_g")})
		if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], want) {
			t.Errorf("%q: notes %q, want one that says %q", text, p.Notes, want)
		}
	}
	if p := tok.Prompt("a embedding:one cat", Chunking{Length: 77}); len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "no folder of embeddings") {
		t.Errorf("notes %q, want one that tells of no folder", p.Notes)
	}
}

// TestPickledEmbedding reads a file of textual inversion itself: its vectors, and not the number of the token.
func TestPickledEmbedding(t *testing.T) {
	torchtest.Require(t)
	find := Embeddings{Folders: []string{filepath.Join("..", "..", "weights", "testdata", "pickled")}}.Finder("clip_l")
	rows, err := find("embedding")
	if want := [][]float32{{0, 1, 2, 3}, {4, 5, 6, 7}}; err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("%v %v, want %v", rows, err, want)
	}
}

// TestEmbeddingFiles refuses files that are none, by name.
func TestEmbeddingFiles(t *testing.T) {
	torchtest.Require(t)
	dir := t.TempDir()
	for _, name := range []string{"old.pt", "broken.safetensors"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not a tensor"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	find := Embeddings{Folders: []string{dir, filepath.Join(dir, "none")}}.Finder("clip_l")
	for name, want := range map[string]string{"old": "old.pt: this is a text and no weights", "broken": "broken.safetensors", "x": "not found in", "/etc/passwd": "no name of a file"} {
		if _, err := find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func FuzzPrompt(f *testing.F) {
	for _, s := range []string{"", "(a:1.2) b", `\(`, "((", "embedding:x (y", strings.Repeat("a ", 90), "(a:nan)", "\x00\x01(", "\xff(\xfe:2)"} {
		f.Add(s, 77)
	}
	tok, err := OpenAI()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, length int) {
		length = max(length%100, -1)
		p := tok.Prompt(text, Chunking{Length: length})
		if len(p.Rows) == 0 {
			t.Fatal("no rows")
		}
		for _, row := range p.Rows {
			if len(row) != max(length, 2) || row[0].ID != tok.BOS {
				t.Fatalf("%q: a row of %d tokens, want %d", text, len(row), length)
			}
		}
		checkPromptSpans(t, text, p)
	})
}

// TestWeightOfOneKeepsBits holds that positions without a weight are not computed again beside those that have one.
func TestWeightOfOneKeepsBits(t *testing.T) {
	torchtest.Require(t)
	m, tok := folderText(t, "tiny-sdxl", "text_encoder"), folderTokenizer(t, "tiny-sdxl", "tokenizer")
	p := tok.Prompt("a (cat:1.3) and two dogs", Chunking{Length: 24})
	fixture.InScope(t, func() {
		encoded, err := m.EncodePrompt(t.Context(), p, tok, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := encoded.Hidden
		want, _, _ := m.states(m.embedRows(append(slices.Clone(p.Rows), tok.empty(24))), 1)
		for i, token := range p.Rows[0] {
			same := slices.Equal(got.Select(0, 0).Select(0, int64(i)).Float32s(), want.Select(0, 0).Select(0, int64(i)).Float32s())
			if same != (token.Weight == 1) {
				t.Errorf("position %d of weight %v: the same bits: %t", i, token.Weight, same)
			}
		}
	})
}
