package clip

import (
	"container/heap"
	"strings"
	"unicode/utf8"
)

// endOfWord marks the last symbol of a piece, so that "cat" and the cat of "catalogue" are different tokens.
const endOfWord = "</w>"

// byteSymbols gives every byte a printable character, so that vocabularies are plain text: printable Latin-1 stands for itself, the other
// bytes take the characters from U+0100 on.
var byteSymbols = func() (symbols [256]string) {
	next := rune(0x100)
	for b := range symbols {
		r := rune(b)
		if !printable(b) {
			r = next
			next++
		}
		symbols[b] = string(r)
	}
	return symbols
}()

func printable(b int) bool {
	return b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE
}

// symbol is a run of merged bytes of one piece: what it is called, the text bytes [start, end) that it covers, and its neighbours, -1 for
// none. One that was merged into its left neighbour has no name.
type symbol struct {
	name        string
	start, end  int
	left, right int
}

// merge encodes one piece onto e (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", arXiv:1508.07909): again
// and again the pair that was learned first is joined, the leftmost of equal ones first. offset is where the piece's part begins in the
// text. A heap of pairs keeps a word of n bytes at n log n: prompts come from strangers.
func (t *Tokenizer) merge(e *Encoding, piece []letter, offset int) {
	symbols := make([]symbol, 0, len(piece)+4)
	for _, l := range piece {
		var b [utf8.UTFMax]byte
		for _, c := range b[:utf8.EncodeRune(b[:], l.r)] {
			i := len(symbols)
			symbols = append(symbols, symbol{byteSymbols[c], offset + l.start, offset + l.end, i - 1, i + 1})
		}
	}
	last := &symbols[len(symbols)-1]
	last.name, last.right = last.name+endOfWord, -1

	var pairs pairHeap
	for i := range symbols {
		t.offer(&pairs, symbols, i)
	}
	for len(pairs) > 0 {
		p := heap.Pop(&pairs).(pair)
		left := &symbols[p.at]
		if rank, ok := t.rank(symbols, p.at); !ok || rank != p.rank {
			continue // one of the two has been merged with its other neighbour since
		}
		right := &symbols[left.right]
		left.name, left.end, left.right = left.name+right.name, right.end, right.right
		right.name = ""
		if left.right >= 0 {
			symbols[left.right].left = p.at
		}
		t.offer(&pairs, symbols, left.left)
		t.offer(&pairs, symbols, p.at)
	}
	for i := 0; i >= 0; i = symbols[i].right {
		id, ok := t.ids[symbols[i].name]
		if !ok {
			id = t.unknown
		}
		e.IDs = append(e.IDs, id)
		e.Spans = append(e.Spans, [2]int{symbols[i].start, symbols[i].end})
	}
}

// rank tells when the merge of the symbol at i with its right neighbour was learned, false where it never was or is not possible.
func (t *Tokenizer) rank(symbols []symbol, i int) (int, bool) {
	if i < 0 || symbols[i].name == "" || symbols[i].right < 0 {
		return 0, false
	}
	rank, ok := t.ranks[[2]string{symbols[i].name, symbols[symbols[i].right].name}]
	return rank, ok
}

// offer puts the pair that begins at i on the heap if it can be merged.
func (t *Tokenizer) offer(pairs *pairHeap, symbols []symbol, i int) {
	if rank, ok := t.rank(symbols, i); ok {
		heap.Push(pairs, pair{rank, i})
	}
}

// pair is a merge that can be done: when it was learned, and where its left symbol is.
type pair struct{ rank, at int }

// pairHeap has the pair learned first, and of equals the leftmost, on top.
type pairHeap []pair

func (h pairHeap) Len() int      { return len(h) }
func (h pairHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h pairHeap) Less(i, j int) bool {
	return h[i].rank < h[j].rank || h[i].rank == h[j].rank && h[i].at < h[j].at
}
func (h *pairHeap) Push(x any) { *h = append(*h, x.(pair)) }
func (h *pairHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// Text gives a token back as it stands in the vocabulary, without the end-of-word mark and with bytes in place of their symbols; "" for
// an id that there is none of. It is meant for messages to people.
func (t *Tokenizer) Text(id int64) string {
	for name, n := range t.ids {
		if n != id {
			continue
		}
		var b strings.Builder
		for _, r := range strings.TrimSuffix(name, endOfWord) {
			b.WriteByte(symbolByte[r])
		}
		return b.String()
	}
	return ""
}

// symbolByte is the other direction of byteSymbols.
var symbolByte = func() map[rune]byte {
	m := map[rune]byte{}
	for b, s := range byteSymbols {
		r, _ := utf8.DecodeRuneInString(s)
		m[r] = byte(b)
	}
	return m
}()
