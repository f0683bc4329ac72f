package isac

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestCrossMapOfMergedTokens holds that an observer's CA of a class of two tokens is joined as the options say: by the larger value, or
// by the mean, of the columns that it has where each token is a class.
func TestCrossMapOfMergedTokens(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 4), synthetic.NewLatent(t, 4, torch.Float32)
	cross := func(merge TokenMerge, classes ...guidance.Class) [][]float32 {
		opt := all(Typed())
		opt.TokenMerge, opt.CrossNorm = merge, CrossNone
		s, seen := observing(t, model, guidance.Target{Classes: classes}, opt, true)
		guideStep(t, s, x, guidance.Step{Count: 10})
		return (*seen)[0].Cross
	}
	each := cross(MergeMean, guidance.Class{Count: 1, Tokens: []int{5}}, guidance.Class{Count: 1, Tokens: []int{6}})
	largest := cross(MergeMax, guidance.Class{Count: 2, Tokens: []int{5, 6}})[0]
	mean := cross(MergeMean, guidance.Class{Count: 2, Tokens: []int{5, 6}})[0]
	for p := range each[0] {
		a, b := each[0][p], each[1][p]
		if largest[p] != max(a, b) || math.Abs(float64(mean[p]-(a+b)/2)) > 1e-7 {
			t.Errorf("pixel %d: %v and %v are joined to %v by max, %v by mean", p, a, b, largest[p], mean[p])
		}
	}
}

// TestAsManyInstancesAsPixels holds that a foreground with one pixel for each instance is enough.
func TestAsManyInstancesAsPixels(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 4), synthetic.NewLatent(t, 4, torch.Float32)
	cats := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}}}
	_, few := guideStep(t, newSession(t, model, cats, all(Typed())), x, guidance.Step{Count: 10})
	cats.Classes[0].Count = few.Foreground
	_, r := guideStep(t, newSession(t, model, cats, all(Typed())), x, guidance.Step{Count: 10})
	if r.Skipped != "" || r.Foreground != few.Foreground || len(r.Masks) != few.Foreground {
		t.Errorf("%d instances in %d pixels: skipped %q", len(r.Masks), r.Foreground, r.Skipped)
	}
}

// TestCoordinateWeight holds that with a large weight instances are regions: each pixel lies nearest to the centre of its own.
func TestCoordinateWeight(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 4), synthetic.NewLatent(t, 4, torch.Float64)
	misplaced := func(weight float64) int {
		opt := all(Typed())
		opt.CoordinateWeight = weight
		_, r := guideStep(t, newSession(t, model, catsAndDog(), opt), x, guidance.Step{Count: 10})
		var at [3][3]float64 // sums of x and y, and the number of pixels
		for p, l := range r.Labels {
			if l >= 0 {
				at[l][0], at[l][1], at[l][2] = at[l][0]+float64(p%r.Width), at[l][1]+float64(p/r.Width), at[l][2]+1
			}
		}
		n := 0
		for p, l := range r.Labels {
			distance := func(i int) float64 {
				return math.Hypot(float64(p%r.Width)-at[i][0]/at[i][2], float64(p/r.Width)-at[i][1]/at[i][2])
			}
			for i := range at {
				if l >= 0 && distance(i) < distance(l)-1e-9 {
					n++
					break
				}
			}
		}
		return n
	}
	if near, far := misplaced(1e3), misplaced(0); near != 0 || far == 0 {
		t.Errorf("%d pixels of a region lie nearer to another with coordinates, %d without", near, far)
	}
}

// TestClusteringIsTheOneAsked holds that instances are what package cluster finds in the self-attention of the foreground, by the kind,
// the weight and the options that were asked for.
func TestClusteringIsTheOneAsked(t *testing.T) {
	torchtest.Require(t)
	model, x := synthetic.NewLayers(t, 4), synthetic.NewLatent(t, 4, torch.Float32)
	found := map[cluster.Kind][]int{}
	for _, kind := range []cluster.Kind{cluster.KMeans, cluster.Spectral, cluster.GMM} {
		opt := all(Typed())
		opt.Clustering, opt.CoordinateWeight, opt.KMeans.Seed = kind, 0.3, 5
		s, seen := observing(t, model, catsAndDog(), opt, true)
		guideStep(t, s, x, guidance.Step{Count: 10})
		m := (*seen)[0]
		var pixels []int
		for p, in := range m.Foreground {
			if in {
				pixels = append(pixels, p)
			}
		}
		synthetic.In(t, func() {
			sa := torch.FromFloat32s(m.Self, int64(len(m.Labels)), int64(len(m.Labels)))
			g := cluster.Grid{Height: m.Height, Width: m.Width}
			c := &cluster.Clusterer{Kind: kind, Options: opt.KMeans, Weight: 0.3}
			want := cluster.Scatter(c.Cluster(crop(sa, pixels), pixels, g, 3), pixels, g)
			if !slices.Equal(m.Labels, want) {
				t.Errorf("%s: instances %v, want %v", kind, m.Labels, want)
			}
		})
		found[kind] = m.Labels
	}
	if slices.Equal(found[cluster.KMeans], found[cluster.Spectral]) || slices.Equal(found[cluster.KMeans], found[cluster.GMM]) {
		t.Error("two clusterings find the same instances: this test needs another latent")
	}
}

// TestScore holds that a run is judged by all its steps.
func TestScore(t *testing.T) {
	g, err := Typed().Begin(catsAndDog())
	if err != nil {
		t.Fatal(err)
	}
	if score := g.(guidance.Selector).Score([]guidance.Report{{Loss: 1}, {Loss: 0.5}, {Loss: 0.25}}); score != 1.75 {
		t.Errorf("the score of losses 1, 0.5 and 0.25 is %v", score)
	}
}
