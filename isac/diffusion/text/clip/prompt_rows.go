package clip

// rower fills rows with groups of tokens.
type rower struct {
	t      *Tokenizer
	length int
	rows   [][]Token
	row    []Token
	last   int // byte of the prompt where the last token ended
	count  int // tokens of the prompt, without BOS, EOS and padding
}

// begin begins a row.
func (r *rower) begin() {
	r.row = append(make([]Token, 0, r.length), Token{ID: r.t.BOS, Weight: 1, Span: [2]int{r.last, r.last}})
}

// end ends the row, at a span that stands for no byte.
func (r *rower) end(at [2]int) {
	r.row = append(r.row, Token{ID: r.t.EOS, Weight: 1, Span: at})
	for len(r.row) < r.length {
		r.row = append(r.row, Token{ID: r.t.Pad, Weight: 1, Span: at})
	}
	r.rows = append(r.rows, r.row)
}

// add puts a group into the row, or as much as there is room for: a short group stays whole and begins the next row. One that no
// row could hold is cut, where ComfyUI would not come to an end.
func (r *rower) add(group []Token) {
	most := r.length - 2
	if most < 1 {
		return // a text model of two positions has room for BOS and EOS
	}
	r.count += len(group)
	cut := len(group) >= wordLength || len(group) > most
	for len(group) > 0 {
		room := r.length - 1 - len(r.row)
		if n := len(group); n <= room {
			room = n
		} else if !cut {
			room = 0
		}
		r.row = append(r.row, group[:room]...)
		for _, token := range group[:room] {
			r.last = max(r.last, token.Span[1])
		}
		if group = group[room:]; len(group) > 0 {
			r.end([2]int{r.last, r.last})
			r.begin()
		}
	}
}
