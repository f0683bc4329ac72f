package clip

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

func tiny(t *testing.T) *Tokenizer {
	t.Helper()
	vocab, err := os.Open(filepath.Join("testdata", "tiny", "vocab.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer vocab.Close()
	merges, err := os.Open(filepath.Join("testdata", "tiny", "merges.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer merges.Close()
	tok, err := LoadTokenizer(vocab, merges)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func openai(t *testing.T) *Tokenizer {
	t.Helper()
	tok, err := OpenAI()
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// testdata/make_tokenizer.py wrote the cases with transformers' CLIPTokenizer.
func TestEncodeLikeTransformers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "tokenizer_cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Vocabulary, Text string
		IDs, Padded      []int64
		Spans            [][2]int
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 300 {
		t.Fatalf("%d cases, expected hundreds", len(cases))
	}
	tokenizers := map[string]*Tokenizer{"openai": openai(t), "tiny": tiny(t)}
	for _, c := range cases {
		tok := tokenizers[c.Vocabulary]
		full := tok.Encode(c.Text, 0)
		if !slices.Equal(full.IDs, c.IDs) {
			t.Errorf("%s: %q:\n got %v\nwant %v", c.Vocabulary, c.Text, full.IDs, c.IDs)
			continue
		}
		checkSpans(t, c.Text, full.Spans[1:len(full.Spans)-1], c.Spans)
		cut := tok.Encode(c.Text, 77)
		if c.Padded != nil && !slices.Equal(cut.IDs, c.Padded) {
			t.Errorf("%s: %q: padded\n got %v\nwant %v", c.Vocabulary, c.Text, cut.IDs, c.Padded)
		}
		if len(cut.Spans) != 77 || cut.Truncated != (len(c.IDs) > 77) || cut.Dropped != max(0, len(c.IDs)-77) || cut.Length != min(len(c.IDs), 77) {
			t.Errorf("%s: %q: %d spans, truncated %t by %d, length %d of %d tokens", c.Vocabulary, c.Text, len(cut.Spans), cut.Truncated, cut.Dropped, cut.Length, len(c.IDs))
		}
	}
}

// checkSpans wants the same spans, and where characters are composed or reordered spans that cover transformers': it gives the first
// character of a composed one alone, ours gives all of them.
func checkSpans(t *testing.T, text string, got, want [][2]int) {
	t.Helper()
	composed := norm.NFC.IsNormalString(text)
	for i, w := range want {
		if g := got[i]; composed && g != w || g[0] > w[0] || g[1] < w[1] {
			t.Errorf("%q: span %d is %v, expected %v", text, i, g, w)
		}
	}
}

func TestOpenAIVocabulary(t *testing.T) {
	tok := openai(t)
	if tok.Vocabulary() != 49408 || tok.BOS != 49406 || tok.EOS != 49407 || tok.Pad != 49407 {
		t.Errorf("vocabulary %d, bos %d, eos %d, pad %d", tok.Vocabulary(), tok.BOS, tok.EOS, tok.Pad)
	}
	for id, want := range map[int64]string{320: "a", 2368: "cat", 49407: endOfText} {
		if got := tok.Text(id); got != want {
			t.Errorf("token %d is %q, expected %q", id, got, want)
		}
	}
	if n := tok.Count("two cats"); n != 2 {
		t.Errorf("two cats: %d tokens", n)
	}
}

func TestSpansPointIntoTheGivenText(t *testing.T) {
	tok := openai(t)
	text := "  Café   CATS, İ e\u0301 dogs "
	e := tok.Encode(text, 20)
	var words []string
	for _, s := range e.Spans[:e.Length] {
		if s[0] < s[1] {
			words = append(words, text[s[0]:s[1]])
		}
	}
	want := []string{"Café", "CATS", ",", "İ", "e\u0301", "dogs"}
	if got := slices.Compact(words); !slices.Equal(got, want) {
		t.Errorf("got %q, expected %q", got, want)
	}
	for i, s := range e.Spans[e.Length-1:] {
		if s != [2]int{len(text), len(text)} {
			t.Errorf("position %d after the text has span %v", i, s)
		}
	}
	if e.Spans[0] != [2]int{0, 0} {
		t.Errorf("BOS has span %v", e.Spans[0])
	}
}

func TestEncodeShortLengths(t *testing.T) {
	tok := tiny(t)
	for _, c := range []struct {
		length int
		want   []int64
	}{
		{1, []int64{tok.BOS, tok.EOS}}, // BOS and EOS are never dropped
		{2, []int64{tok.BOS, tok.EOS}},
		{4, []int64{tok.BOS, tok.ids["a</w>"], tok.ids["cat</w>"], tok.EOS}},
	} {
		e := tok.Encode("a cat and", c.length)
		if !slices.Equal(e.IDs, c.want) || !e.Truncated {
			t.Errorf("length %d: %v, expected %v; truncated %t", c.length, e.IDs, c.want, e.Truncated)
		}
	}
}

func TestEncodeBrokenUTF8(t *testing.T) {
	tok := openai(t)
	got, want := tok.Encode("a\xff\xfeb", 0), tok.Encode("a\ufffd\ufffdb", 0)
	if !slices.Equal(got.IDs, want.IDs) {
		t.Errorf("got %v, expected %v", got.IDs, want.IDs)
	}
	if last := got.Spans[len(got.Spans)-2]; last != [2]int{3, 4} {
		t.Errorf("span of b is %v", last)
	}
}

func TestLeftmostOfEqualMergesComesFirst(t *testing.T) {
	vocab := `{"a":0,"a</w>":1,"aa":2,"aaa</w>":3,"<|startoftext|>":4,"<|endoftext|>":5}`
	tok, err := LoadTokenizer(strings.NewReader(vocab), strings.NewReader("#version: 0.2\na a\naa a</w>\n"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int64{"aa": {0, 1}, "aaa": {3}, "aaaa": {2, 0, 1}, "aaaaa": {2, 3}} {
		if got := tok.Encode(text, 0).IDs; !slices.Equal(got[1:len(got)-1], want) {
			t.Errorf("%s: %v, expected %v", text, got, want)
		}
	}
}

// A word of a hundred thousand letters is encoded in the time of a hundred thousand letters, not of their square (a minute).
func TestEncodeLongWord(t *testing.T) {
	tok := openai(t)
	word := make([]byte, 100_000)
	for i := range word {
		word[i] = 'a' + byte(i*i/7%26)
	}
	start := time.Now()
	e := tok.Encode(string(word), 77)
	if took := time.Since(start); took > 10*time.Second || !e.Truncated {
		t.Errorf("took %v, truncated %t", took, e.Truncated)
	}
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "two cats", "don't'", "🐱é\u0301", "<|endoftext|", "\xff'", "İ"} {
		f.Add(s, 8)
	}
	tok, err := OpenAI()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, length int) {
		length %= 200
		e := tok.Encode(text, length)
		if len(e.IDs) != len(e.Spans) || length > 1 && len(e.IDs) != length || e.Length < 2 || e.Length > len(e.IDs) {
			t.Fatalf("%q, %d: %d ids, %d spans, length %d", text, length, len(e.IDs), len(e.Spans), e.Length)
		}
		last := 0
		for i, s := range e.Spans {
			if s[0] > s[1] || s[1] > len(text) || s[0] < last {
				t.Fatalf("%q: span %v of position %d after one that starts at %d", text, s, i, last)
			}
			last = s[0]
		}
	})
}
