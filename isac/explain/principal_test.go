package explain

import (
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

// blocks is self-attention in which the left and the right half of a grid attend to themselves alone.
func blocks(side int) *guidance.Maps {
	cells := side * side
	m := &guidance.Maps{Height: side, Width: side, Self: make([]float32, cells*cells)}
	for q := range cells {
		for key := range cells {
			if (q%side < side/2) == (key%side < side/2) {
				m.Self[q*cells+key] = 2 / float32(cells)
			}
		}
	}
	return m
}

func distance(a, b color.NRGBA) float64 {
	d := func(a, b uint8) float64 { return float64(a) - float64(b) }
	return math.Sqrt(d(a.R, b.R)*d(a.R, b.R) + d(a.G, b.G)*d(a.G, b.G) + d(a.B, b.B)*d(a.B, b.B))
}

func TestSelfAttentionColoursSeparateBlocks(t *testing.T) {
	for _, side := range []int{8, 32} { // as it is, and with its keys pooled
		m := blocks(side)
		pictures, err := selfMaps([]*guidance.Maps{m, {}, m})
		if err != nil {
			t.Fatal(err)
		}
		if pictures[1] != nil {
			t.Error("a step without a map has a picture")
		}
		left, right := pictures[0].NRGBAAt(0, 0), pictures[0].NRGBAAt(side-1, 0)
		if d := distance(left, right); d < 200 {
			t.Errorf("side %d: the blocks are %v and %v, %.0f apart", side, left, right, d)
		}
		for i := range side * side {
			x, y := i%side, i/side
			want := left
			if x >= side/2 {
				want = right
			}
			if got := pictures[0].NRGBAAt(x, y); got != want {
				t.Fatalf("side %d: pixel (%d,%d) is %v, its block is %v", side, x, y, got, want)
			}
			if pictures[2].NRGBAAt(x, y) != want {
				t.Fatalf("side %d: the same map has two colours", side)
			}
		}
	}
}

// TestPrincipalComponents checks against points whose components are known: long along (1,1,0,0)/√2, shorter along the third axis,
// nothing along the fourth.
func TestPrincipalComponents(t *testing.T) {
	var rows [][]float64
	for i := range 5 {
		for j := range 3 {
			a, b := float64(i-2), float64(j-1)*0.1
			rows = append(rows, []float64{7 + a, 7 + a, b, 3})
		}
	}
	got, err := principal(rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range got {
		want := [3]uint8{uint8(float64(i/3)/4*255 + 0.5), uint8(float64(i%3)/2*255 + 0.5), 128}
		for k := range c {
			if math.Abs(float64(c[k])-float64(want[k])) > 1 {
				t.Errorf("point %d: components %v, want %v", i, c, want)
			}
		}
	}
}

func TestSelfAttentionWithoutPattern(t *testing.T) {
	m := &guidance.Maps{Height: 2, Width: 2, Self: make([]float32, 16)}
	pictures, err := selfMaps([]*guidance.Maps{m})
	if err != nil {
		t.Fatal(err)
	}
	if got := pictures[0].NRGBAAt(1, 1); got != (color.NRGBA{128, 128, 128, 255}) {
		t.Errorf("flat self-attention is %v, want grey", got)
	}
	m.Self[3] = float32(math.NaN())
	if _, err := selfMaps([]*guidance.Maps{m}); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("NaN gives %v", err)
	}
	if _, err := selfMaps([]*guidance.Maps{blocks(4), blocks(8)}); err == nil || !strings.Contains(err.Error(), "different grids") {
		t.Errorf("two grids give %v", err)
	}
}
