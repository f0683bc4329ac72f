package isac

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// synthetic is testdata/synthetic.json or testdata/ablations.json: what make_isac.py and make_ablations.py computed in plain
// PyTorch, in double precision.
type synthetic struct {
	Models map[string]struct {
		Top    [2]int64
		Layers []struct {
			Kind     string
			Grid     [2]int64
			Heads, D int64
		}
	}
	Cases       map[string]syntheticCase
	Clusterings map[string]clustering
	file        *weights.File
}

type syntheticCase struct {
	Model   string
	Classes []struct {
		Count  int
		Tokens []int
	}
	Options struct {
		Eta       float64
		Step      StepRule
		SelfNorm  SelfNorm  `json:"self_norm"`
		CrossNorm CrossNorm `json:"cross_norm"`
		Divide    bool
		Schedule  Schedule
		Merge     TokenMerge
		Overlap   Overlap // none in make_isac.py's: MPO
		Weight    float64
	}
	Index, Count  int
	Instance, Cls float64
	Loss          float64
	WIns          float64 `json:"w_ins"`
	WCls          float64 `json:"w_cls"`
	Inertia       float64
	Foreground    int
}

func openSynthetic(t testing.TB) *synthetic {
	t.Helper()
	return openFixture(t, "synthetic", "make_isac.py synthetic")
}

// openFixture opens testdata/name.json and its tensors, which command writes.
func openFixture(t testing.TB, name, command string) *synthetic {
	t.Helper()
	s := &synthetic{}
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err == nil {
		s.file, err = weights.Open("testdata/" + name + ".safetensors")
	}
	if err != nil {
		t.Fatalf("%v: write the fixture with testdata/%s", err, command)
	}
	t.Cleanup(func() { s.file.Close() })
	return s
}

// tensor gives a copy of a tensor of the fixture.
func (s *synthetic) tensor(t testing.TB, name string) torch.Tensor {
	t.Helper()
	x, err := s.file.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return x.Clone()
}

// layers gives a model of the fixture, in the current scope, and its grid.
func (s *synthetic) layers(t testing.TB, name string) (layers, grid) {
	m := s.Models[name]
	var ls layers
	for i, l := range m.Layers {
		kind := SelfAttention
		if l.Kind == "cross" {
			kind = CrossAttention
		}
		ls = append(ls, layer{
			kind: kind, grid: grid{l.Grid[0], l.Grid[1]}, heads: l.Heads, d: l.D,
			q: s.tensor(t, fmt.Sprintf("model/%s/%d.q", name, i)), k: s.tensor(t, fmt.Sprintf("model/%s/%d.k", name, i)),
		})
	}
	return ls, grid{m.Top[0], m.Top[1]}
}

func (c syntheticCase) target() Target {
	var out Target
	for i, class := range c.Classes {
		out.Classes = append(out.Classes, Class{Name: fmt.Sprintf("class %d", i), Count: class.Count, Tokens: class.Tokens})
	}
	return out
}

func (c syntheticCase) options() Options {
	o := Default()
	o.Eta, o.StepRule, o.SelfNorm, o.CrossNorm = c.Options.Eta, c.Options.Step, c.Options.SelfNorm, c.Options.CrossNorm
	o.UpsampleNorm, o.Schedule, o.TokenMerge, o.CoordinateWeight = c.Options.Divide, c.Options.Schedule, c.Options.Merge, c.Options.Weight
	o.Start, o.End = 0, 1
	if c.Options.Overlap != "" {
		o.Overlap = c.Options.Overlap
	}
	return o
}

func ints(values []int64) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}

// TestPresetsMatchTheScript holds that the script's two presets are this package's.
func TestPresetsMatchTheScript(t *testing.T) {
	s := openSynthetic(t)
	for name, want := range map[string]Options{"paper": Paper(), "typed": Typed()} {
		want.Start, want.End = 0, 1
		got := s.Cases[name].options()
		got.KMeans = want.KMeans
		if got != want {
			t.Errorf("%s: the script has %+v, the package %+v", name, got, want)
		}
	}
}

// TestParity compares every map, loss, gradient and step with the plain PyTorch ones, in float64 and float32, the clusters given.
func TestParity(t *testing.T) { parity(t, openSynthetic(t)) }

func parity(t *testing.T, s *synthetic) {
	torchtest.Require(t)
	for name, c := range s.Cases {
		for dt, limit := range map[torch.DType]float64{torch.Float64: 1e-8, torch.Float32: 1e-4} {
			t.Run(fmt.Sprintf("%s/%s", name, dt), func(t *testing.T) {
				err := torch.InScope(func() error {
					compare(t, s, name, c, dt, limit)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func compare(t *testing.T, s *synthetic, name string, c syntheticCase, dt torch.DType, limit float64) {
	want := func(what string) []float64 { return s.tensor(t, "case/"+name+"/"+what).Float64s() }
	model, top := s.layers(t, c.Model)
	x := s.tensor(t, "model/"+c.Model+"/x").To(dt)
	opt := c.options()
	labels := ints(s.tensor(t, "case/"+name+"/labels").Int64s())

	// The maps on the way, where the fixture has them.
	r, err := read(model.Taps(x, 0), c.target())
	if err != nil {
		t.Fatal(err)
	}
	if r.top != top {
		t.Fatalf("the grid is %s, want %s", r.top, top)
	}
	sa := accumulate(r.self, r.top, opt.UpsampleNorm)
	if s.file.Has("case/" + name + "/sa") {
		near(t, "SA", sa.Float64s(), want("sa"), limit)
		near(t, "CA", accumulate(r.cross, r.top, false).Float64s(), want("ca"), limit)
	}
	d := dense{target: c.target(), opt: opt}
	sa, _ = normaliseSelf(sa, opt.SelfNorm)
	ca, _ := normaliseCross(accumulate(r.cross, r.top, false), opt.CrossNorm, d.positions())
	prop := mergeTokens(sa.Matmul(ca), c.target().Classes, opt.TokenMerge)
	near(t, "CA^prop", prop.Float64s(), want("prop"), limit)
	pixels := foreground(binarise(prop))
	if s.file.Has("case/" + name + "/features") {
		near(t, "features", features(crop(sa, pixels), pixels, r.top, opt.CoordinateWeight).Float64s(), want("features"), limit)
	}

	// The step as a host takes it.
	session := func() *Session {
		session, err := NewSession(model, c.target(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Resume(labels, int(top.height), int(top.width)); err != nil {
			t.Fatal(err)
		}
		return session
	}
	step := Step{Index: c.Index, Count: c.Count}
	report := Report{Step: step, LambdaInstance: c.WIns, LambdaClass: c.WCls}
	gradient, err := session().gradient(x, &report, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "gradient", gradient.Float64s(), want("gradient"), limit)
	stepped, report, err := session().Guide(x, step)
	if err != nil {
		t.Fatal(err)
	}
	if report.Skipped != "" {
		t.Fatalf("the step was skipped: %s", report.Skipped)
	}
	for i, l := range report.Labels {
		if l != labels[i] {
			t.Fatalf("pixel %d is of instance %d, want %d: the given clusters were left", i, l, labels[i])
		}
	}
	if report.Foreground != c.Foreground {
		t.Errorf("the foreground has %d pixels, want %d", report.Foreground, c.Foreground)
	}
	near(t, "losses", []float64{report.LossInstance, report.LossClass, report.Loss, report.LambdaInstance, report.LambdaClass},
		[]float64{c.Instance, c.Cls, c.Loss, c.WIns, c.WCls}, limit)
	near(t, "stepped latent", stepped.Float64s(), want("stepped"), limit)
	compareMasks(t, report, want("masks"), limit)
}

// compareMasks compares the report's masks, on the whole grid, with M [F,N].
func compareMasks(t *testing.T, r Report, want []float64, limit float64) {
	var got []float64
	for p, l := range r.Labels {
		for _, mask := range r.Masks {
			if l >= 0 {
				got = append(got, float64(mask[p]))
			} else if mask[p] != 0 {
				t.Fatalf("a mask is %v at background pixel %d, want 0", mask[p], p)
			}
		}
	}
	near(t, "masks", got, want, max(limit, 1e-6)) // reports are float32
}

// TestKMeansFindsTheTightest holds that K-means from its own starts is as good as the best of 30 in the fixture.
func TestKMeansFindsTheTightest(t *testing.T) {
	torchtest.Require(t)
	s := openSynthetic(t)
	for name, c := range s.Cases {
		if !s.file.Has("case/" + name + "/features") {
			continue
		}
		err := torch.InScope(func() error {
			x := s.tensor(t, "case/"+name+"/features")
			n := c.target().Instances()
			labels := kmeans(x, n, nil, Default().KMeans)
			if got := inertia(rows(x), labels, n); got > 1.01*c.Inertia {
				t.Errorf("%s: squared distances sum to %.4g, %.4g is possible", name, got, c.Inertia)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
