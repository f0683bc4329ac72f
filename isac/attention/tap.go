package attention

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Kind tells what keys stand for.
type Kind int

const (
	// Image keys are the image's own positions, in row-major order on the tap's grid: self-attention.
	Image Kind = iota
	// Text keys are tokens of the conditioning: cross-attention.
	Text
)

// String names the kind as messages print it.
func (k Kind) String() string {
	switch k {
	case Image:
		return "image"
	case Text:
		return "text"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Segment is a run of keys of one kind.
type Segment struct {
	Kind Kind
	// Length is the number of keys.
	Length int
	// Encoder names the text encoder that the tokens come from, "" where the model has only one. Token positions count through
	// all text segments of a tap, in the order of its keys.
	Encoder string
}

// Tap is one attention layer that is read: what it takes to form the probabilities softmax(Scale·Q·Kᵀ), not the probabilities
// themselves, so that each way of computing a loss forms only those that it needs.
type Tap struct {
	// Name is the layer's name in the checkpoint; messages use it.
	Name string
	// Height and Width are the layer's grid; its Height·Width queries lie in row-major order.
	Height, Width int
	// Q holds the queries of the image, [1, heads, Height·Width, d], of any floating type.
	Q torch.Tensor
	// K holds the keys of all segments, [1, heads, keys, d].
	K torch.Tensor
	// Scale multiplies the scores, normally 1/√d.
	Scale float64
	// Keys are the segments of K, in order. Their lengths add up to K's.
	Keys []Segment
	// Mask tells of each key whether it is attended to; padding is not. nil means that all are.
	Mask []bool
	// Half tells that the model computes in float16, where Q and K themselves are wider; of float16 ones it need not be said.
	Half bool
	// Auxiliary marks a self-attention beside the layer's main one (SD3.5's attn2), which is read only where it is asked for.
	Auxiliary bool

	left *remnant // in the place of Q and K, where maps were made online
}

// tensors are those that a tap holds.
func (t *Tap) tensors() []*torch.Tensor {
	if t.left == nil {
		return []*torch.Tensor{&t.Q, &t.K}
	}
	var all []*torch.Tensor
	for _, one := range []*torch.Tensor{&t.left.text, &t.left.rows} {
		if one.Defined() {
			all = append(all, one)
		}
	}
	return all
}

// half tells whether the model computes in float16.
func (t Tap) half() bool { return t.Half || t.Q.Defined() && t.Q.DType() == torch.Float16 }

// Self is the layout of a self-attention layer on a grid.
func Self(height, width int) []Segment { return []Segment{{Kind: Image, Length: height * width}} }

// Cross is the layout of a cross-attention layer with so many tokens.
func Cross(tokens int) []Segment { return []Segment{{Kind: Text, Length: tokens}} }

// Grid is the tap's resolution.
func (t Tap) Grid() Grid { return Grid{t.Height, t.Width} }

// Has tells whether some of the keys are of a kind.
func (t Tap) Has(k Kind) bool { return t.Length(k) > 0 }

// Length is the number of keys of a kind.
func (t Tap) Length(k Kind) int {
	n := 0
	for _, s := range t.Keys {
		if s.Kind == k {
			n += s.Length
		}
	}
	return n
}

// Heads is the number of attention heads.
func (t Tap) Heads() int { return int(t.Q.Size(1)) }

// Grid is the size of the image side of an attention map.
type Grid struct{ Height, Width int }

// Pixels is the number of positions.
func (g Grid) Pixels() int { return g.Height * g.Width }

// String prints the grid as "16x16".
func (g Grid) String() string { return fmt.Sprintf("%dx%d", g.Height, g.Width) }
