package score

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// TestBootstrapNumpy compares with testdata/make_bootstrap.py. A quantile of 2000 resamples is uncertain by
// √(.025·.975/2000)/φ(1.96) = 0.06 standard deviations of the resampled means; four times that is allowed.
func TestBootstrapNumpy(t *testing.T) {
	var golden struct {
		Rows  [][]any
		Cells map[string]struct{ Mean, Low, High, Deviation float64 }
	}
	b, err := os.ReadFile("testdata/bootstrap.json")
	if err == nil {
		err = json.Unmarshal(b, &golden)
	}
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]Value{}
	for _, row := range golden.Rows {
		level, prompt, base, method := int(row[0].(float64)), row[1].(string), row[2].(float64), row[3].(float64)
		for name, v := range map[string]float64{"base": base, "method": method, "difference": method - base} {
			one := Value{level, prompt, v}
			values[name+" average"] = append(values[name+" average"], one)
			values[name+" pooled"] = append(values[name+" pooled"], one)
			values[fmt.Sprintf("%s %d", name, level)] = append(values[fmt.Sprintf("%s %d", name, level)], one)
		}
	}
	if len(golden.Cells) != 15 {
		t.Fatalf("%d cells", len(golden.Cells))
	}
	for name, want := range golden.Cells {
		got := Bootstrap(values[name], name[len(name)-6:] != "pooled")
		tolerance := 0.25 * want.Deviation
		// Four prompts have few different resamples, and quantiles jump between them.
		if name[len(name)-1] == '2' {
			tolerance = 0.5 * want.Deviation
		}
		if !near(got.Mean, want.Mean, 1e-12) || !near(got.Low, want.Low, tolerance) || !near(got.High, want.High, tolerance) || !got.HasInterval {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if got.N != len(values[name]) {
			t.Errorf("%s: N %d of %d", name, got.N, len(values[name]))
		}
	}
	// The paired interval is narrower than that of either method: noise that both share cancels.
	if d, m := Bootstrap(values["difference average"], true), Bootstrap(values["method average"], true); d.High-d.Low >= m.High-m.Low {
		t.Errorf("difference %+v is no surer than method %+v", d, m)
	}
}

// TestBootstrapClosedForm: with equal prompts the resampled mean has variance s²/n exactly, so with many prompts the interval is
// mean ± 1.96·√(s²/n), within the 0.06 deviations of a quantile, times four.
func TestBootstrapClosedForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 400
	var values []Value
	var sum, squares float64
	for p := range n {
		v := rng.NormFloat64()
		sum, squares = sum+v, squares+v*v
		values = append(values, Value{1, fmt.Sprint(p), v})
	}
	mean := sum / n
	sigma := math.Sqrt((squares/n - mean*mean) * n / (n - 1) / n)
	got := Bootstrap(values, true)
	if !near(got.Mean, mean, 1e-12) || !near(got.Low, mean-1.96*sigma, 0.25*sigma) || !near(got.High, mean+1.96*sigma, 0.25*sigma) {
		t.Errorf("%+v, want %v ± %v", got, mean, 1.96*sigma)
	}
	// The variance is unbiased for few prompts too: of two prompts with 0 and 1 every resample is one of them.
	two := Bootstrap([]Value{{1, "a", 0}, {1, "b", 1}}, true)
	if two.Mean != 0.5 || two.Low != 0 || two.High != 1 || !two.HasInterval || two.Prompts != 2 {
		t.Errorf("two prompts: %+v", two)
	}
}

// TestBootstrapCoverage draws many benches of known truth: three levels of 12 prompts, 4 seeds each, prompts of very different ease.
// The interval must hold the truth in 95 % of them (±3 points with 300 benches; a little less is usual for percentiles of few
// prompts), and one that takes pictures for independent would not.
func TestBootstrapCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const benches, naives = 300, 100
	held, naive := 0, 0
	for b := range benches {
		var values, alone []Value
		for level := range 3 {
			for p := range 12 {
				gain := 0.3 + 0.1*float64(level) + rng.NormFloat64()
				for range 4 {
					v := gain + 0.5*rng.NormFloat64()
					values = append(values, Value{level, fmt.Sprint(p), v})
					alone = append(alone, Value{level, fmt.Sprint(len(alone)), v})
				}
			}
		}
		const truth = 0.3 + 0.1
		if c := Bootstrap(values, true); c.Low <= truth && truth <= c.High {
			held++
		}
		if b < naives {
			if c := Bootstrap(alone, true); c.Low <= truth && truth <= c.High {
				naive++
			}
		}
	}
	t.Logf("the truth lies within %d of %d intervals over prompts, within %d of %d over pictures", held, benches, naive, naives)
	if share := float64(held) / benches; share < 0.92 || share > 0.975 {
		t.Errorf("%.3f of intervals hold the truth, want 0.95", share)
	}
	if share := float64(naive) / naives; share > 0.85 {
		t.Errorf("pictures taken for independent cover %.3f: this test shows nothing", share)
	}
}

func TestBootstrapProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var values, tenfold []Value
	for p := range 8 {
		for range 3 {
			v := Value{2 + p%2, fmt.Sprint(p), math.Round(rng.Float64()*8) / 8} // sums of eighths are exact
			values = append(values, v)
			for range 10 {
				tenfold = append(tenfold, v)
			}
		}
	}
	c := Bootstrap(values, true)
	if again := Bootstrap(values, true); again != c {
		t.Errorf("%+v and %+v", c, again)
	}
	shuffled := slices.Clone(values)
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if other := Bootstrap(shuffled, true); other != c {
		t.Errorf("in another order %+v, not %+v", other, c)
	}
	// The same pictures ten times over say nothing more.
	if more := Bootstrap(tenfold, true); !near(more.Low, c.Low, 1e-12) || !near(more.High, c.High, 1e-12) || more.N != 10*c.N {
		t.Errorf("tenfold %+v, once %+v", more, c)
	}
	// One level with a single prompt takes the average's interval.
	lone := Bootstrap(append(slices.Clone(values), Value{4, "alone", 0.5}), true)
	if lone.HasInterval || lone.Low != lone.Mean || lone.High != lone.Mean || lone.Clear() {
		t.Errorf("a level of one prompt: %+v", lone)
	}
	if c := Bootstrap(append(slices.Clone(values), Value{4, "alone", 0.5}), false); !c.HasInterval || c.Prompts != 9 {
		t.Errorf("over all prompts: %+v", c)
	}
	if c := Bootstrap(nil, true); c != (Cell{}) {
		t.Errorf("of nothing: %+v", c)
	}
	if c := Bootstrap([]Value{{1, "a", 1}, {1, "b", 1}, {1, "c", 1}}, true); c.Mean != 1 || c.Low != 1 || c.High != 1 || !c.Clear() {
		t.Errorf("of a constant: %+v", c)
	}
}

func TestQuantile(t *testing.T) {
	for q, want := range map[float64]float64{0: 1, 0.25: 2, 0.5: 3, 0.9: 4.6, 1: 5} { // numpy.quantile([1,2,3,4,5], q)
		if got := quantile([]float64{1, 2, 3, 4, 5}, q); !near(got, want, 1e-12) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
