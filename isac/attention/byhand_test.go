package attention_test

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// logits makes a tap of one head whose scores are the logs of given probabilities: q is the identity.
func logits(kind attention.Kind, g attention.Grid, probabilities [][]float64) attention.Tap {
	n, m := int64(len(probabilities)), int64(len(probabilities[0]))
	eye, logs := make([]float64, n*n), make([]float64, m*n)
	for i, row := range probabilities {
		eye[int64(i)*n+int64(i)] = 1
		for j, p := range row {
			logs[int64(j)*n+int64(i)] = math.Log(p)
		}
	}
	return attention.Tap{
		Name: "given", Height: g.Height, Width: g.Width, Scale: 1, Keys: []attention.Segment{{Kind: kind, Length: int(m)}},
		Q: torch.FromFloat64s(eye, 1, 1, n, n), K: torch.FromFloat64s(logs, 1, 1, m, n),
	}
}

// maps accumulates taps to SA and CA.
func maps(t *testing.T, opt attention.Options, taps ...attention.Tap) [2]torch.Tensor {
	t.Helper()
	r, err := attention.Read(taps)
	if err != nil {
		t.Fatal(err)
	}
	self, cross := attention.Accumulate(r, opt)
	return [2]torch.Tensor{self, cross}
}

// TestAccumulateByHand upsamples a 1×2 layer to 1×4 beside a layer of that size. Half-pixel bilinear weights of the two source
// pixels at the four target pixels are (1,0), (3/4,1/4), (1/4,3/4), (0,1).
func TestAccumulateByHand(t *testing.T) {
	synthetic.In(t, func() {
		small, large := attention.Grid{Height: 1, Width: 2}, attention.Grid{Height: 1, Width: 4}
		coarse := logits(attention.Image, small, [][]float64{{0.9, 0.1}, {0.3, 0.7}})
		quarter := []float64{0.25, 0.25, 0.25, 0.25}
		fine := logits(attention.Image, large, [][]float64{quarter, quarter, quarter, quarter})

		// Over keys: row 1 is 0.9, 0.7, 0.3, 0.1 and row 2 is 0.3, 0.4, 0.6, 0.7; over queries the same weights mix the rows.
		u := [][2]float64{{1, 0}, {0.75, 0.25}, {0.25, 0.75}, {0, 1}}
		a := [2][]float64{{0.9, 0.7, 0.3, 0.1}, {0.3, 0.4, 0.6, 0.7}}
		for _, divide := range []bool{false, true} {
			var want []float64
			for _, w := range u {
				sum := 0.0
				for k := range 4 {
					v := w[0]*a[0][k] + w[1]*a[1][k]
					if divide {
						v /= 2
					}
					want = append(want, (v+0.25)/2)
					sum += v
				}
				if divide && math.Abs(sum-1) > 1e-12 {
					t.Fatalf("a divided row sums to %v, want 1", sum)
				}
			}
			synthetic.Near(t, "SA", maps(t, attention.Options{DivideUpsampled: divide}, coarse, fine)[0].Float64s(), want, 1e-12)
		}

		cross := logits(attention.Text, small, [][]float64{{0.5, 0.3, 0.2}, {0.1, 0.1, 0.8}})
		want := []float64{0.5, 0.3, 0.2, 0.4, 0.25, 0.35, 0.2, 0.15, 0.65, 0.1, 0.1, 0.8}
		synthetic.Near(t, "CA", maps(t, attention.Options{DivideUpsampled: true}, cross, fine)[1].Float64s(), want, 1e-12)
	})
}

// TestAccumulateWeighsHeads holds that a layer of three heads weighs three times one of one head.
func TestAccumulateWeighsHeads(t *testing.T) {
	synthetic.In(t, func() {
		g := attention.Grid{Height: 1, Width: 2}
		one := logits(attention.Image, g, [][]float64{{0.8, 0.2}, {0.5, 0.5}})
		three := logits(attention.Image, g, [][]float64{{0.4, 0.6}, {0.1, 0.9}})
		three.Q, three.K = three.Q.Expand(1, 3, 2, 2).Contiguous(), three.K.Expand(1, 3, 2, 2).Contiguous()
		synthetic.Near(t, "SA", maps(t, attention.Options{DivideUpsampled: true}, one, three)[0].Float64s(), []float64{0.5, 0.5, 0.2, 0.8}, 1e-12)
	})
}
