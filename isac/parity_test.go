package isac

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func targetOf(c synthetic.Case) guidance.Target {
	var out guidance.Target
	for i, class := range c.Classes {
		out.Classes = append(out.Classes, guidance.Class{Name: fmt.Sprintf("class %d", i), Count: class.Count, Tokens: class.Tokens})
	}
	return out
}

func optionsOf(c synthetic.Case) Options {
	o := Default()
	o.Eta, o.StepRule = c.Options.Eta, guidance.StepRule(c.Options.Step)
	o.SelfNorm, o.CrossNorm = SelfNorm(c.Options.SelfNorm), CrossNorm(c.Options.CrossNorm)
	o.UpsampleNorm, o.Schedule, o.TokenMerge, o.CoordinateWeight = c.Options.Divide, Schedule(c.Options.Schedule), TokenMerge(c.Options.Merge), c.Options.Weight
	o.ClusterNorm = cluster.Norm(c.Options.ClusterNorm)
	o.RenormaliseJoint, o.AuxiliarySelf = c.Options.Renormalise, c.Options.Auxiliary
	o.Start, o.End = 0, 1
	if c.Options.Overlap != "" {
		o.Overlap = Overlap(c.Options.Overlap)
	}
	o.NoPropagation = c.Options.Propagation != nil && !*c.Options.Propagation
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
	s := synthetic.Open(t, "synthetic")
	for name, want := range map[string]Options{"paper": Paper(), "typed": Typed()} {
		want.Start, want.End = 0, 1
		got := optionsOf(s.Cases[name])
		got.KMeans = want.KMeans
		if got != want {
			t.Errorf("%s: the script has %+v, the package %+v", name, got, want)
		}
	}
}

// TestParity compares every map, loss, gradient and step with the plain PyTorch ones, in float64 and float32, the clusters given.
func TestParity(t *testing.T) { parity(t, synthetic.Open(t, "synthetic")) }

// TestJointParity is the same of layers with one softmax over image and text keys.
func TestJointParity(t *testing.T) { parity(t, synthetic.Open(t, "joint_isac")) }

func parity(t *testing.T, s *synthetic.Fixture) {
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

func compare(t *testing.T, s *synthetic.Fixture, name string, c synthetic.Case, dt torch.DType, limit float64) {
	want := func(what string) []float64 { return s.Tensor(t, "case/"+name+"/"+what).Float64s() }
	model, top := s.Layers(t, c.Model)
	x := s.Tensor(t, "model/"+c.Model+"/x").To(dt)
	opt := optionsOf(c)
	labels := ints(s.Tensor(t, "case/"+name+"/labels").Int64s())

	// The maps on the way, where the fixture has them.
	r, err := readTaps(model, x)
	if err == nil {
		r, err = (&guide{target: targetOf(c), opt: opt}).read(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Top != top {
		t.Fatalf("the grid is %s, want %s", r.Top, top)
	}
	sa, ca := attention.Accumulate(r, attention.Options{DivideUpsampled: opt.UpsampleNorm, Renormalise: opt.RenormaliseJoint})
	if s.Has("case/" + name + "/sa") {
		synthetic.Near(t, "SA", sa.Float64s(), want("sa"), limit)
		synthetic.Near(t, "CA", ca.Float64s(), want("ca"), limit)
	}
	sa, _ = normaliseSelf(sa, opt.SelfNorm)
	ca, _ = normaliseCross(ca, opt.CrossNorm, targetOf(c).Positions())
	prop := (&guide{target: targetOf(c), opt: opt}).classMaps(sa, ca)
	synthetic.Near(t, "CA^prop", prop.Float64s(), want("prop"), limit)
	pixels := foreground(binarise(prop))
	if s.Has("case/" + name + "/features") {
		synthetic.Near(t, "features", cluster.Features(crop(sa, pixels), pixels, cluster.Grid{Height: top.Height, Width: top.Width}, opt.CoordinateWeight, opt.ClusterNorm).Float64s(), want("features"), limit)
	}

	// The step as a host takes it.
	session := func() *guidance.Session {
		session := newSession(t, model, targetOf(c), opt)
		if err := session.Resume(labels, top.Height, top.Width); err != nil {
			t.Fatal(err)
		}
		return session
	}
	step := guidance.Step{Index: c.Index, Count: c.Count}
	gradient, _, err := session().Gradient(x, step)
	if err != nil {
		t.Fatal(err)
	}
	synthetic.Near(t, "gradient", gradient.Float64s(), want("gradient"), limit)
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
	synthetic.Near(t, "losses", append(losses(report), report.Loss), []float64{c.Instance, c.Cls, c.Loss}, limit)
	for name, want := range map[string]float64{LossInstance: c.WIns, LossClass: c.WCls} {
		if l, measured := report.Named(name); measured { // a loss that is 0 by definition is not measured
			synthetic.Near(t, "weight of "+name, []float64{l.Weight}, []float64{want}, limit)
		}
	}
	synthetic.Near(t, "stepped latent", stepped.Float64s(), want("stepped"), limit)
	compareMasks(t, report, want("masks"), limit)
}

// readTaps evaluates a model.
func readTaps(model guidance.Model, x torch.Tensor) (attention.Reading, error) {
	taps, err := model.Taps(x, 0)
	if err != nil {
		return attention.Reading{}, err
	}
	return attention.Read(taps)
}

// compareMasks compares the report's masks, on the whole grid, with M [F,N].
func compareMasks(t *testing.T, r guidance.Report, want []float64, limit float64) {
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
	synthetic.Near(t, "masks", got, want, max(limit, 1e-6)) // reports are float32
}
