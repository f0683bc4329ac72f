package attention_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// attend is a layer of a model: it records queries and keys made of x [6,4] and gives something else that depends on x.
func attend(name string, x torch.Tensor, factor float64, r *attention.Recorder) torch.Tensor {
	return r.Scoped1(func() torch.Tensor {
		q := x.MulScalar(factor).Sin().Reshape(1, 1, 6, 4)
		k := x.MulScalar(factor).Cos().Reshape(1, 1, 6, 4)
		if r.On() {
			r.Add(attention.Tap{Name: name, Height: 2, Width: 3, Q: q, K: k, Scale: 0.5, Keys: attention.Self(2, 3)})
		}
		return x.Add(q.Mul(k).Reshape(6, 4))
	})
}

// network is layers in a scope, in a checkpoint, and in a checkpoint within a checkpoint.
func network(x torch.Tensor, r *attention.Recorder, checkpoint bool) torch.Tensor {
	block := func(x torch.Tensor, r *attention.Recorder, fn func(torch.Tensor, *attention.Recorder) torch.Tensor) torch.Tensor {
		if !checkpoint {
			return r.Scoped1(func() torch.Tensor { return fn(x, r) })
		}
		return r.Checkpoint(func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor { return []torch.Tensor{fn(in[0], r)} }, x)[0]
	}
	return r.Scoped1(func() torch.Tensor {
		x = attend("first", x, 0.5, r)
		x = block(x, r, func(x torch.Tensor, r *attention.Recorder) torch.Tensor {
			x = attend("second", x, 0.7, r)
			x = block(x, r, func(x torch.Tensor, r *attention.Recorder) torch.Tensor {
				return attend("fourth", attend("third", x, 0.9, r), 1.1, r)
			})
			return attend("fifth", x, 1.3, r)
		})
		return attend("sixth", x, 1.5, r)
	})
}

var order = []string{"first", "second", "third", "fourth", "fifth", "sixth"}

func input() torch.Tensor {
	return torch.Linspace(-2, 2, 24, torch.Float64, torch.CPU).Reshape(6, 4).Clone()
}

// loss weighs all taps and the output.
func loss(out torch.Tensor, taps []attention.Tap) torch.Tensor {
	sum := out.Square().SumAll()
	for i, t := range taps {
		sum = sum.Add(t.Mean().Square().SumAll().MulScalar(float64(i + 1)))
	}
	return sum
}

// Taps come out of scopes and checkpoints in the model's order, and a loss on them has the same value and gradient either way.
func TestRecorderThroughScopesAndCheckpoints(t *testing.T) {
	synthetic.In(t, func() {
		var values, grads [][]float64
		for _, checkpoint := range []bool{false, true} {
			x, r := input().SetRequiresGrad(true), &attention.Recorder{}
			out := network(x, r, checkpoint)
			sum := loss(out, r.Taps())
			before := slices.Clone(r.Taps())
			grads = append(grads, torch.Grad(sum, x)[0].Float64s())
			values = append(values, sum.Reshape(1).Float64s())
			var names []string
			for _, tap := range r.Taps() {
				names = append(names, tap.Name)
			}
			if !slices.Equal(names, order) {
				t.Errorf("checkpoint %v: taps %q, expected %q", checkpoint, names, order)
			}
			for i, tap := range r.Taps() {
				if tap.Q != before[i].Q || tap.K != before[i].K {
					t.Errorf("checkpoint %v: the backward pass changed tap %q", checkpoint, tap.Name)
				}
			}
			if _, err := attention.Read(r.Taps()); err != nil {
				t.Error(err)
			}
		}
		near(t, "loss", values[1], values[0])
		near(t, "gradient", grads[1], grads[0])
	})
}

// near holds that values are equal to within rounding, and that not all of them are 0.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	all := 0.0
	for i := range want {
		if d := got[i] - want[i]; !(d*d <= 1e-20) {
			t.Errorf("%s: value %d is %.12g, expected %.12g", what, i, got[i], want[i])
		}
		all += want[i] * want[i]
	}
	if all == 0 {
		t.Errorf("%s is 0", what)
	}
}

// What is left alive is the output, and the queries and keys of each layer; without a recorder, the output alone.
func TestRecorderKeepsTapsAndNothingElse(t *testing.T) {
	for _, grad := range []bool{false, true} {
		for _, checkpoint := range []bool{false, true} {
			synthetic.In(t, func() {
				run := func() {
					x := input().SetRequiresGrad(grad)
					for _, r := range []*attention.Recorder{nil, {}} {
						before := torch.LiveHandles()
						network(x, r, checkpoint)
						if made, want := torch.LiveHandles()-before, 1+2*len(r.Taps()); made != want || r.On() != (want > 1) {
							t.Errorf("grad %v, checkpoint %v, recorded %v: %d tensors are left, expected %d", grad, checkpoint, r.On(), made, want)
						}
					}
				}
				if grad {
					torch.WithGrad(run)
				} else {
					torch.NoGrad(run)
				}
			})
		}
	}
}

// Recording changes no value.
func TestRecorderChangesNothing(t *testing.T) {
	synthetic.In(t, func() {
		plain := network(input(), nil, false).Float64s()
		for _, checkpoint := range []bool{false, true} {
			if got := network(input(), &attention.Recorder{}, checkpoint).Float64s(); !slices.Equal(got, plain) {
				t.Errorf("checkpoint %v: the output differs when it is recorded", checkpoint)
			}
		}
	})
}

// A second run with the same recorder appends.
func TestRecorderAppends(t *testing.T) {
	synthetic.In(t, func() {
		r := &attention.Recorder{}
		network(input(), r, false)
		first := r.Taps()[0].Q.Float64s()
		network(input(), r, true)
		if len(r.Taps()) != 2*len(order) || !slices.Equal(r.Taps()[0].Q.Float64s(), first) {
			t.Errorf("%d taps after two runs, expected %d", len(r.Taps()), 2*len(order))
		}
	})
}

// A nil recorder collects nothing and costs nothing.
func TestNilRecorder(t *testing.T) {
	synthetic.In(t, func() {
		var r *attention.Recorder
		r.Add(attention.Tap{Name: "lost"})
		if r.On() || r.Taps() != nil {
			t.Error("a nil recorder has taps")
		}
		outs := r.Scoped(func() []torch.Tensor { return []torch.Tensor{input(), input()} })
		if len(outs) != 2 {
			t.Errorf("%d results", len(outs))
		}
		outs = r.Checkpoint(func(in []torch.Tensor, inner *attention.Recorder) []torch.Tensor {
			if inner.On() {
				t.Error("a checkpoint of a nil recorder records")
			}
			return in
		}, outs...)
		if len(outs) != 2 {
			t.Errorf("%d results of a checkpoint", len(outs))
		}
	})
}

// An operation that fails in a scope or a checkpoint comes out as its error, and nothing stays alive.
func TestRecorderAfterAPanic(t *testing.T) {
	for _, checkpoint := range []bool{false, true} {
		synthetic.In(t, func() {
			before := torch.LiveHandles()
			err := torch.InScope(func() error {
				x := input().SetRequiresGrad(true)
				r := &attention.Recorder{}
				body := func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
					h := attend("first", in[0], 1, r)
					return []torch.Tensor{h.Matmul(h)}
				}
				if checkpoint {
					r.Checkpoint(body, x)
				} else {
					r.Scoped(func() []torch.Tensor { return body([]torch.Tensor{x}, r) })
				}
				return nil
			})
			var failed *torch.Error
			if !errors.As(err, &failed) {
				t.Errorf("checkpoint %v: got %v, expected a *torch.Error", checkpoint, err)
			}
			if left := torch.LiveHandles() - before; left != 0 {
				t.Errorf("checkpoint %v: %d tensors are left", checkpoint, left)
			}
		})
	}
}

// Queries come out as queries and keys as keys, of one scope and of scopes within it.
func TestRecorderTellsQueriesFromKeys(t *testing.T) {
	synthetic.In(t, func() {
		r := &attention.Recorder{}
		attend("one", input(), 0.5, r)
		r.Scoped1(func() torch.Tensor { return attend("two", input(), 0.5, r) })
		for _, tap := range r.Taps() {
			near(t, tap.Name+": queries", tap.Q.Float64s(), input().MulScalar(0.5).Sin().Float64s())
			near(t, tap.Name+": keys", tap.K.Float64s(), input().MulScalar(0.5).Cos().Float64s())
		}
	})
}

// Results that are a part of a longer slice leave the rest of it alone.
func TestRecorderLeavesTheSliceOfResults(t *testing.T) {
	synthetic.In(t, func() {
		all := []torch.Tensor{input(), input().Neg(), input().Exp()}
		second, third := all[1], all[2]
		r := &attention.Recorder{}
		r.Scoped(func() []torch.Tensor {
			attend("only", all[0], 1, r)
			return all[:1]
		})
		if all[1] != second || all[2] != third {
			t.Error("a tap stands in the place of what lay behind the results")
		}
	})
}
