package isac

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// in runs a test's body in a scope.
func in(t testing.TB, fn func()) {
	t.Helper()
	torchtest.Require(t)
	if err := torch.InScope(func() error { fn(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// logits makes a tap of one head whose scores are the logs of given probabilities: q is the identity.
func logits(kind Kind, g grid, probabilities [][]float64) Tap {
	n, m := int64(len(probabilities)), int64(len(probabilities[0]))
	eye, logs := make([]float64, n*n), make([]float64, m*n)
	for i, row := range probabilities {
		eye[int64(i)*n+int64(i)] = 1
		for j, p := range row {
			logs[int64(j)*n+int64(i)] = math.Log(p)
		}
	}
	return Tap{
		Name: "given", Kind: kind, Height: int(g.height), Width: int(g.width), Scale: 1,
		Q: torch.FromFloat64s(eye, 1, 1, n, n), K: torch.FromFloat64s(logs, 1, 1, m, n),
	}
}

// TestAccumulateByHand upsamples a 1×2 layer to 1×4 beside a layer of that size. Half-pixel bilinear weights of the two source
// pixels at the four target pixels are (1,0), (3/4,1/4), (1/4,3/4), (0,1).
func TestAccumulateByHand(t *testing.T) {
	in(t, func() {
		small, large := grid{1, 2}, grid{1, 4}
		coarse := logits(SelfAttention, small, [][]float64{{0.9, 0.1}, {0.3, 0.7}})
		quarter := []float64{0.25, 0.25, 0.25, 0.25}
		fine := logits(SelfAttention, large, [][]float64{quarter, quarter, quarter, quarter})

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
			near(t, "SA", accumulate([]Tap{coarse, fine}, large, divide).Float64s(), want, 1e-12)
		}

		cross := logits(CrossAttention, small, [][]float64{{0.5, 0.3, 0.2}, {0.1, 0.1, 0.8}})
		want := []float64{0.5, 0.3, 0.2, 0.4, 0.25, 0.35, 0.2, 0.15, 0.65, 0.1, 0.1, 0.8}
		near(t, "CA", accumulate([]Tap{cross}, large, true).Float64s(), want, 1e-12)
	})
}

// TestAccumulateWeighsHeads holds that a layer of three heads weighs three times one of one head.
func TestAccumulateWeighsHeads(t *testing.T) {
	in(t, func() {
		g := grid{1, 2}
		one := logits(SelfAttention, g, [][]float64{{0.8, 0.2}, {0.5, 0.5}})
		three := logits(SelfAttention, g, [][]float64{{0.4, 0.6}, {0.1, 0.9}})
		three.Q, three.K = three.Q.Expand(1, 3, 2, 2).Contiguous(), three.K.Expand(1, 3, 2, 2).Contiguous()
		near(t, "SA", accumulate([]Tap{one, three}, g, true).Float64s(), []float64{0.5, 0.5, 0.2, 0.8}, 1e-12)
	})
}

func TestMinmax(t *testing.T) {
	in(t, func() {
		got, err := minmax(torch.FromFloat64s([]float64{2, 3, 6, 4}, 2, 2))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "min-max", got.Float64s(), []float64{0, 0.25, 1, 0.5}, 1e-12)
		if _, err := minmax(torch.FromFloat64s([]float64{2, 2}, 2)); !errors.Is(err, errFlat) {
			t.Errorf("a flat map gives %v, want errFlat", err)
		}
	})
}

func TestNormaliseCross(t *testing.T) {
	in(t, func() {
		ca := torch.FromFloat64s([]float64{
			0.8, 0.1, 0.06, 0.04,
			0.6, 0.2, 0.11, 0.09,
		}, 2, 4)
		soft := func(a, b, c float64) float64 { // the share of a
			return math.Exp(100*a) / (math.Exp(100*a) + math.Exp(100*b) + math.Exp(100*c))
		}
		for norm, want := range map[CrossNorm][]float64{
			CrossNone:          {0.1, 0.04, 0.2, 0.09},
			CrossMinMax:        {0.06 / 0.76, 0, 0.16 / 0.76, 0.05 / 0.76},
			CrossMinMaxClasses: {0.06 / 0.16, 0, 1, 0.05 / 0.16},
			CrossMinMaxEach:    {0, 0, 1, 1},
			CrossSoftmax:       {soft(0.1, 0.06, 0.04), soft(0.04, 0.1, 0.06), soft(0.2, 0.11, 0.09), soft(0.09, 0.2, 0.11)},
		} {
			got, err := normaliseCross(ca, norm, []int64{1, 3})
			if err != nil {
				t.Fatalf("%s: %v", norm, err)
			}
			near(t, string(norm), got.Float64s(), want, 1e-12)
		}
	})
}

func TestMergeTokens(t *testing.T) {
	in(t, func() {
		prop := torch.FromFloat64s([]float64{1, 5, 3, 2, 0, 8}, 2, 3)
		classes := []Class{{Tokens: []int{4}}, {Tokens: []int{7, 8}}}
		near(t, "mean", mergeTokens(prop, classes, MergeMean).Float64s(), []float64{1, 4, 2, 4}, 1e-12)
		near(t, "max", mergeTokens(prop, classes, MergeMax).Float64s(), []float64{1, 5, 2, 8}, 1e-12)
	})
}

func TestForegroundAndCrop(t *testing.T) {
	in(t, func() {
		// The means are 2 and 1: pixels 1 and 3 are above the first, pixel 2 above the second.
		prop := torch.FromFloat64s([]float64{0, 0, 5, 1, 0, 3, 3, 0}, 4, 2)
		got := foreground(binarise(prop))
		if want := []int{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("foreground %v, want %v", got, want)
		}
		if got := foreground(binarise(torch.Full([]int64{4, 2}, 0.5, torch.Float32, torch.CPU))); len(got) != 0 {
			t.Errorf("the foreground of a flat map is %v, want none", got)
		}
		sa := torch.Arange(0, 9, 1, torch.Float64, torch.CPU).Reshape(3, 3)
		near(t, "SA[I,I]", crop(sa, []int{0, 2}).Float64s(), []float64{0, 2, 6, 8}, 0)
	})
}

func TestOverlap(t *testing.T) {
	in(t, func() {
		for _, tt := range []struct {
			name  string
			masks []float64
			n     int64
			want  float64
			at    Peak
		}{
			{"two masks", []float64{0.1, 0.9, 0.5, 0.4, 0.9, 0.2}, 2, 0.2, Peak{1, 0, 1, 0.2}},
			{"the pair that overlaps most", []float64{0.9, 0.1, 0.8, 0.7, 0.7, 0}, 3, 0.72, Peak{0, 0, 2, 0.72}},
			{"apart", []float64{1, 0, 0, 1}, 2, 0, Peak{0, 0, 1, 0}},
			{"equal overlaps, the first", []float64{1, 1, 1, 1, 1, 1}, 3, 1, Peak{0, 0, 1, 1}},
			{"above one", []float64{30, 20}, 2, 600, Peak{0, 0, 1, 600}},
		} {
			masks := torch.FromFloat64s(tt.masks, int64(len(tt.masks))/tt.n, tt.n)
			got, at := overlap(masks, OverlapMPO), *peakOf(masks)
			at.Value = math.Round(at.Value*1e12) / 1e12
			if math.Abs(got.Item()-tt.want) > 1e-12 || at != tt.at {
				t.Errorf("%s: overlap %v at %+v, want %v at %+v", tt.name, got.Item(), at, tt.want, tt.at)
			}
		}
		masks := torch.FromFloat64s([]float64{0.1, 0.9, 0.5, 0.4}, 2, 2).SetRequiresGrad(true)
		torch.WithGrad(func() {
			loss := overlap(masks, OverlapMPO)
			near(t, "gradient", torch.Grad(loss, masks)[0].Float64s(), []float64{0, 0, 0.4, 0.5}, 1e-12)
		})
	})
}
