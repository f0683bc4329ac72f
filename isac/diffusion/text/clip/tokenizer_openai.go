package clip

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
)

// The merges of OpenAI's CLIP (MIT licence, see openai/LICENSE), which are all there is to its vocabulary of 49408 tokens.
//
//go:embed openai/merges.txt.gz
var openAIMerges []byte

// OpenAI gives the tokenizer of OpenAI's CLIP, which all Stable Diffusion 1 checkpoints use and single files take for granted.
func OpenAI() (*Tokenizer, error) {
	t, err := openAI()
	if err != nil {
		return nil, err
	}
	own := *t // its tables are shared and never change
	return &own, nil
}

var openAI = sync.OnceValues(func() (*Tokenizer, error) {
	merges, err := openAIPairs()
	if err != nil {
		return nil, err
	}
	return newTokenizer(vocabularyOf(merges), merges)
})

// openAIPairs unpacks the merges.
func openAIPairs() ([][2]string, error) {
	z, err := gzip.NewReader(bytes.NewReader(openAIMerges))
	if err != nil {
		return nil, fmt.Errorf("embedded tokenizer: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("embedded tokenizer: %w", err)
	}
	merges, err := parseMerges(string(text))
	if err != nil {
		return nil, fmt.Errorf("embedded tokenizer: %w", err)
	}
	return merges, nil
}

// vocabularyOf numbers the tokens as OpenAI did: the bytes' symbols, printable ones first, the same at the end of a word, the merges in
// their order, and the two marks.
func vocabularyOf(merges [][2]string) map[string]int64 {
	ids := make(map[string]int64, 514+len(merges))
	add := func(name string) { ids[name] = int64(len(ids)) }
	for _, end := range []string{"", endOfWord} {
		for _, first := range []bool{true, false} {
			for b, s := range byteSymbols {
				if printable(b) == first {
					add(s + end)
				}
			}
		}
	}
	for _, m := range merges {
		add(strings.Join(m[:], ""))
	}
	add(startOfText)
	add(endOfText)
	return ids
}
