package isac

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

func TestMinmax(t *testing.T) {
	synthetic.In(t, func() {
		got, flat := minmax(torch.FromFloat64s([]float64{2, 3, 6, 4}, 2, 2))
		if flat.Item() != 0 {
			t.Error("a map of four values is called flat")
		}
		synthetic.Near(t, "min-max", got.Float64s(), []float64{0, 0.25, 1, 0.5}, 1e-12)
		if _, flat := minmax(torch.FromFloat64s([]float64{2, 2}, 2)); flat.Item() != 1 {
			t.Error("a flat map is not called so")
		}
	})
}

func TestNormaliseCross(t *testing.T) {
	synthetic.In(t, func() {
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
			got, flat := normaliseCross(ca, norm, []int64{1, 3})
			if flat.Defined() && flat.Item() != 0 {
				t.Fatalf("%s: the map is called flat", norm)
			}
			synthetic.Near(t, string(norm), got.Float64s(), want, 1e-12)
		}
		part := torch.FromFloat64s([]float64{0.1, 0.5, 0.3, 0.5}, 2, 2) // the second class is flat, the first is not
		if _, flat := normaliseCross(part, CrossMinMaxEach, []int64{0, 1}); flat.Item() != 1 {
			t.Error("a flat column is not called so")
		}
	})
}

func TestMergeTokens(t *testing.T) {
	synthetic.In(t, func() {
		late := torch.FromFloat64s([]float64{1, 5, 3, 2, 0, 8}, 2, 3)
		synthetic.Near(t, "two tokens first", mergeTokens(late, []guidance.Class{{Tokens: []int{4, 5}}, {Tokens: []int{7}}}, MergeMean).Float64s(), []float64{3, 3, 1, 8}, 1e-12)
		prop := torch.FromFloat64s([]float64{1, 5, 3, 2, 0, 8}, 2, 3)
		classes := []guidance.Class{{Tokens: []int{4}}, {Tokens: []int{7, 8}}}
		synthetic.Near(t, "mean", mergeTokens(prop, classes, MergeMean).Float64s(), []float64{1, 4, 2, 4}, 1e-12)
		synthetic.Near(t, "max", mergeTokens(prop, classes, MergeMax).Float64s(), []float64{1, 5, 2, 8}, 1e-12)
	})
}

func TestForegroundAndCrop(t *testing.T) {
	synthetic.In(t, func() {
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
		synthetic.Near(t, "SA[I,I]", crop(sa, []int{0, 2}).Float64s(), []float64{0, 2, 6, 8}, 0)
	})
}

func TestOverlap(t *testing.T) {
	synthetic.In(t, func() {
		for _, tt := range []struct {
			name  string
			masks []float64
			n     int64
			want  float64
			at    guidance.Peak
		}{
			{"two masks", []float64{0.1, 0.9, 0.5, 0.4, 0.9, 0.2}, 2, 0.2, guidance.Peak{Pixel: 1, First: 0, Second: 1, Value: 0.2}},
			{"the pair that overlaps most", []float64{0.9, 0.1, 0.8, 0.7, 0.7, 0}, 3, 0.72, guidance.Peak{Pixel: 0, First: 0, Second: 2, Value: 0.72}},
			{"apart", []float64{1, 0, 0, 1}, 2, 0, guidance.Peak{Pixel: 0, First: 0, Second: 1, Value: 0}},
			{"equal overlaps, the first", []float64{1, 1, 1, 1, 1, 1}, 3, 1, guidance.Peak{Pixel: 0, First: 0, Second: 1, Value: 1}},
			{"above one", []float64{30, 20}, 2, 600, guidance.Peak{Pixel: 0, First: 0, Second: 1, Value: 600}},
		} {
			masks := torch.FromFloat64s(tt.masks, int64(len(tt.masks))/tt.n, tt.n)
			got, at := largest(masks, OverlapMPO), *peakOf(peak(masks).Float64s(), int(tt.n))
			at.Value = math.Round(at.Value*1e12) / 1e12
			if math.Abs(got.Item()-tt.want) > 1e-12 || at != tt.at {
				t.Errorf("%s: overlap %v at %+v, want %v at %+v", tt.name, got.Item(), at, tt.want, tt.at)
			}
		}
		masks := torch.FromFloat64s([]float64{0.1, 0.9, 0.5, 0.4}, 2, 2).SetRequiresGrad(true)
		torch.WithGrad(func() {
			loss := largest(masks, OverlapMPO)
			synthetic.Near(t, "gradient", torch.Grad(loss, masks)[0].Float64s(), []float64{0, 0, 0.4, 0.5}, 1e-12)
		})
	})
}
