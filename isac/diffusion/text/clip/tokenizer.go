package clip

// Tokenizer is CLIP's byte-level byte-pair encoding, the same ids as OpenAI's and transformers' CLIPTokenizer: text is lower-cased, cut
// into contractions, words, single digits and runs of other signs, and each piece is merged from bytes upwards in the order in which
// the merges were learned. It holds no state that changes and may be used by several goroutines.
type Tokenizer struct {
	// BOS and EOS stand around every text. Pad fills up after EOS; Stable Diffusion 1 pads with EOS.
	BOS, EOS, Pad int64

	unknown int64
	ids     map[string]int64
	ranks   map[[2]string]int
	special map[string]int64 // "<|startoftext|>" and the like, taken whole where they stand in a text
}

// Encoding is one text as tokens. IDs and Spans have an element for each position.
type Encoding struct {
	// IDs are the tokens: BOS, the text, EOS, padding.
	IDs []int64
	// Spans are the bytes [start, end) of the given text that each token stands for, in the text as it was given, not as it was cleaned.
	// BOS, EOS and padding have start = end. Tokens that share one character (a letter of several bytes) have its whole span each.
	Spans [][2]int
	// Length is the number of positions before padding, BOS and EOS included.
	Length int
	// Truncated says that the text had more tokens than fit; Dropped are how many, and the first byte that was not taken in is
	// the end of the last span before EOS.
	Truncated bool
	Dropped   int
}

// Encode turns a text into maxLength tokens, BOS and EOS included: a longer text is cut at its end, a shorter one padded. 0 or less
// neither cuts nor pads. It reads no weights: Prompt is how prompts are encoded.
func (t *Tokenizer) Encode(text string, maxLength int) Encoding {
	e := Encoding{IDs: []int64{t.BOS}, Spans: [][2]int{{}}}
	t.tokens(&e, text)
	if maxLength > 0 {
		room := max(1, maxLength-1) // EOS needs the last one
		if len(e.IDs) > room {
			e.Truncated, e.Dropped = true, len(e.IDs)-room
			e.IDs, e.Spans = e.IDs[:room], e.Spans[:room]
		}
	}
	end := [2]int{len(text), len(text)}
	e.IDs, e.Spans = append(e.IDs, t.EOS), append(e.Spans, end)
	e.Length = len(e.IDs)
	for len(e.IDs) < maxLength {
		e.IDs, e.Spans = append(e.IDs, t.Pad), append(e.Spans, end)
	}
	return e
}

// tokens encodes a text onto e, with nothing around it.
func (t *Tokenizer) tokens(e *Encoding, text string) {
	for _, part := range t.splitSpecial(text) {
		if part.id >= 0 {
			e.IDs = append(e.IDs, part.id)
			e.Spans = append(e.Spans, [2]int{part.start, part.end})
			continue
		}
		for _, piece := range pieces(clean(text[part.start:part.end])) {
			t.merge(e, piece, part.start)
		}
	}
}

// Vocabulary is the number of ids, which is the number of rows that the text model's token embedding must have at least.
func (t *Tokenizer) Vocabulary() int {
	most := t.Pad
	for _, id := range t.ids {
		most = max(most, id)
	}
	return int(most) + 1
}

// Count is the number of tokens of a text without BOS and EOS.
func (t *Tokenizer) Count(text string) int { return t.Encode(text, 0).Length - 2 }
