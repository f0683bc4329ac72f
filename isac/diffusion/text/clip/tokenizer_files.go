package clip

import (
	"bytes"
	"encoding/json"
	"strings"
)

// OpenAIFiles gives OpenAI's tokenizer as the two files of a tokenizer folder, vocab.json and merges.txt, as LoadTokenizer reads them.
func OpenAIFiles() (vocab, merges []byte, err error) {
	pairs, err := openAIPairs()
	if err != nil {
		return nil, nil, err
	}
	var ids bytes.Buffer
	enc := json.NewEncoder(&ids)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(vocabularyOf(pairs)); err != nil {
		return nil, nil, err
	}
	lines := []string{"#version: 0.2"}
	for _, p := range pairs {
		lines = append(lines, p[0]+" "+p[1])
	}
	return ids.Bytes(), []byte(strings.Join(lines, "\n") + "\n"), nil
}
