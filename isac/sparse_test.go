package isac

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// configuration is a random model, target and choice of options.
func configuration(t testing.TB, seed uint64) (model synthetic.Random, target guidance.Target, opt Options, step guidance.Step) {
	model = synthetic.NewRandom(t, seed)
	r := rand.New(rand.NewPCG(seed, 6))
	one := func(n int) int { return r.IntN(n) }
	opt = all([]Options{Paper(), Typed()}[one(2)])
	if one(2) == 0 { // half of them are presets as they are
		opt.SelfNorm = []SelfNorm{SelfRow, SelfMinMax}[one(2)]
		opt.CrossNorm = []CrossNorm{CrossMinMax, CrossMinMaxClasses, CrossMinMaxEach, CrossNone, CrossSoftmax}[one(5)]
		opt.UpsampleNorm, opt.TokenMerge = one(2) == 0, []TokenMerge{MergeMean, MergeMax}[one(2)]
	}
	opt.RenormaliseJoint, opt.AuxiliarySelf, opt.NoPropagation = one(2) == 0, one(2) == 0, one(4) == 0
	opt.Schedule = []Schedule{ScheduleC, ScheduleE}[one(2)]
	tokens := r.Perm(model.Tokens - 1)
	for i := range 1 + one(2) {
		c := guidance.Class{Name: fmt.Sprintf("class %d", i), Count: 1 + one(2)}
		for range 1 + one(2) {
			c.Tokens, tokens = append(c.Tokens, tokens[0]+1), tokens[1:]
		}
		target.Classes = append(target.Classes, c)
	}
	return model, target, opt, guidance.Step{Index: one(10), Count: 10}
}

// TestSparseEqualsDense holds loss, gradient and instances of the two engines equal on random models and options.
func TestSparseEqualsDense(t *testing.T) {
	torchtest.Require(t)
	compared, joint := 0, 0
	for seed := range uint64(150) {
		synthetic.In(t, func() {
			model, target, opt, step := configuration(t, seed)
			for dt, limit := range map[torch.DType]float64{torch.Float64: 1e-10, torch.Float32: 1e-5} {
				x := synthetic.NewLatent(t, seed, dt)
				var gradient [2][]float64
				var report [2]guidance.Report
				for i, engine := range []Engine{EngineDense, EngineSparse} {
					opt.Engine = engine
					gradient[i], report[i] = gradientOf(t, newSession(t, model, target, opt), x, step)
				}
				dense, sparse := report[0], report[1]
				if dense.Skipped != sparse.Skipped || dense.Foreground != sparse.Foreground || !slices.Equal(dense.Labels, sparse.Labels) {
					t.Errorf("seed %d, %s, %+v: dense skips %q and has %d pixels %v, sparse %q and %d %v", seed, dt, opt,
						dense.Skipped, dense.Foreground, dense.Labels, sparse.Skipped, sparse.Foreground, sparse.Labels)
					continue
				}
				if dense.Skipped != "" {
					continue
				}
				compared++
				if model.Joint {
					joint++
				}
				what := fmt.Sprintf("seed %d, %s, joint %v, %s, %s, step %d", seed, dt, model.Joint, opt.SelfNorm, opt.CrossNorm, step.Index)
				synthetic.Near(t, what+": losses", losses(sparse), losses(dense), limit)
				synthetic.Near(t, what+": gradient", gradient[1], gradient[0], limit)
			}
		})
	}
	if compared < 150 || joint < 30 {
		t.Errorf("%d steps were compared, %d of joint layers: the test has lost its subject", compared, joint)
	}
}

// TestSparseSharesExtremes holds the engines equal where SA's smallest and largest elements stand at several places: in a latent that
// is its own mirror image.
func TestSparseSharesExtremes(t *testing.T) {
	torchtest.Require(t)
	synthetic.In(t, func() {
		model := synthetic.NewLayers(t, 3)
		half := synthetic.NewLatent(t, 3, torch.Float64).Narrow(3, 0, 4)
		x := torch.Cat([]torch.Tensor{half, half.Flip(3)}, 3)
		var gradient [2][]float64
		for i, engine := range []Engine{EngineDense, EngineSparse} {
			opt := all(Paper())
			opt.Engine = engine
			s := newSession(t, model, catsAndDog(), opt)
			g, report, err := s.Gradient(x, guidance.Step{Index: 5, Count: 10})
			if err != nil || report.Skipped != "" {
				t.Fatal(err, report.Skipped)
			}
			gradient[i] = g.Float64s()
		}
		synthetic.Near(t, "gradient", gradient[1], gradient[0], 1e-10)
	})
}

// TestEngineIsChecked holds that an engine that cannot serve an overlap says so, and which does for auto.
func TestEngineIsChecked(t *testing.T) {
	for _, kind := range []Overlap{OverlapMPO, OverlapMAE, OverlapKL, OverlapIoU} {
		opt := Typed()
		opt.Overlap = kind
		if got, want := opt.sparse(), kind == OverlapMPO; got != want {
			t.Errorf("%s: auto is sparse: %v, want %v", kind, got, want)
		}
		opt.Engine = EngineSparse
		if err := opt.Validate(); (err == nil) != (kind == OverlapMPO) {
			t.Errorf("%s: %v", kind, err)
		}
		opt.Engine = EngineDense
		if err := opt.Validate(); err != nil || opt.sparse() {
			t.Errorf("%s, dense: %v", kind, err)
		}
	}
}
