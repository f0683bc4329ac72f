package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// wordpiece is BERT's tokenizer for lower-case text: words are cut at blanks and punctuation, and each word into the longest pieces
// that the vocabulary knows, from the left; pieces after a word's first are written with ## in front.
type wordpiece struct {
	ids                map[string]int64
	cls, sep, pad, unk int64
}

// longestWord is in runes; longer words are unknown (BERT's max_input_chars_per_word).
const longestWord = 100

// openWordpiece reads vocab.txt (a piece a line) or tokenizer.json (Hugging Face's) from the first of the folders that has one.
func openWordpiece(folders ...string) (*wordpiece, error) {
	for _, folder := range folders {
		for _, from := range []struct {
			name string
			read func([]byte) (map[string]int64, error)
		}{{"vocab.txt", readVocabulary}, {"tokenizer.json", readTokenizer}} {
			path := filepath.Join(folder, from.name)
			data, err := weights.ReadText(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			ids, err := from.read(data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			w := &wordpiece{ids: ids}
			if err := w.special(); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return w, nil
		}
	}
	return nil, fmt.Errorf("no vocab.txt and no tokenizer.json in %s; put the one that belongs to the model there", strings.Join(folders, " or "))
}

func readVocabulary(data []byte) (map[string]int64, error) {
	ids := map[string]int64{}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i, line := range lines {
		ids[strings.TrimSuffix(line, "\r")] = int64(i)
	}
	return ids, nil
}

func readTokenizer(data []byte) (map[string]int64, error) {
	var file struct {
		Model struct {
			Type  string           `json:"type"`
			Vocab map[string]int64 `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	// Files of old versions of the library have no type.
	if t := file.Model.Type; t != "" && t != "WordPiece" {
		return nil, fmt.Errorf("the tokenizer is of type %q, Grounding DINO's is WordPiece", t)
	}
	return file.Model.Vocab, nil
}

func (w *wordpiece) special() error {
	var missing []string
	for _, s := range []struct {
		piece string
		id    *int64
	}{{"[CLS]", &w.cls}, {"[SEP]", &w.sep}, {"[PAD]", &w.pad}, {"[UNK]", &w.unk}} {
		id, ok := w.ids[s.piece]
		if !ok {
			missing = append(missing, s.piece)
		}
		*s.id = id
	}
	if len(missing) > 0 {
		return fmt.Errorf("the vocabulary of %d pieces has no %s; it is not BERT's", len(w.ids), strings.Join(missing, ", "))
	}
	return nil
}

// encode gives the ids of a text's pieces, without [CLS] and [SEP].
func (w *wordpiece) encode(text string) []int64 {
	var ids []int64
	for _, word := range split(text) {
		ids = append(ids, w.pieces(word)...)
	}
	return ids
}

func (w *wordpiece) pieces(word string) []int64 {
	runes := []rune(word)
	if len(runes) > longestWord {
		return []int64{w.unk}
	}
	var ids []int64
	for start := 0; start < len(runes); {
		prefix := ""
		if start > 0 {
			prefix = "##"
		}
		end := len(runes)
		for ; end > start; end-- {
			if id, ok := w.ids[prefix+string(runes[start:end])]; ok {
				ids = append(ids, id)
				break
			}
		}
		if end == start {
			return []int64{w.unk}
		}
		start = end
	}
	return ids
}

// split gives the words of a text in lower case without accents; each punctuation mark and each Chinese character is a word.
func split(text string) []string {
	var words []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			words = append(words, b.String())
			b.Reset()
		}
	}
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		switch {
		case unicode.Is(unicode.Mn, r), r == 0, r == unicode.ReplacementChar:
		case unicode.IsSpace(r):
			flush()
		case unicode.In(r, unicode.Cc, unicode.Cf):
		case punctuation(r), unicode.Is(unicode.Han, r):
			flush()
			words = append(words, string(r))
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return words
}

// punctuation is wider than Unicode's: in ASCII it is whatever is no letter, digit or blank.
func punctuation(r rune) bool {
	if r < 128 {
		return r > ' ' && r < 127 && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	return unicode.IsPunct(r)
}
