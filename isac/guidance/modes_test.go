package guidance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestGuidedSteps holds which steps of a run are guided, and what reports say of the others.
func TestGuidedSteps(t *testing.T) {
	layers := synthetic.NewLayers(t, 7)
	for _, c := range []struct {
		start, end float64
		every      int
		at         string
		count      int
		want       string
		reason     string // of a step that is left out
	}{
		{0, 1, 0, "", 3, "0 1 2", ""},
		{0, 1, 1, "", 3, "0 1 2", ""},
		{0.2, 0.9, 2, "", 10, "2 4 6 8", "step 1 of 10 is outside the guided steps 3 to 9"},
		{0.2, 0.9, 3, "", 10, "2 5 8", "step 4 of 10 is left out: one of 3 is guided, from step 3 to 9"},
		{0, 0.5, 100, "", 10, "0", ""},
		{0, 0.1, 0, "0 0.29 1", 100, "0 29 99", "step 2 of 100 is none of those at 0 0.29 1 of the run"}, // 0.29·100 = 28.999999999999996
		{0, 0.5, 0, "  0.7, 0.7\t0.1,", 10, "1 7", ""},
		{0, 0.5, 0, " , ", 4, "0 1", ""},
		{0, 1, 0, "0.5", 1, "0", ""},
	} {
		synthetic.In(t, func() {
			x := synthetic.NewLatent(t, 7, torch.Float32)
			m := steady{method()}
			m.Start, m.End, m.Every, m.At = c.start, c.end, c.every, c.at
			s := open(t, guidance.Config{Model: layers, Method: m})
			var moved []string
			var reasons []string
			for i := range c.count {
				_, r := guide(t, s, x, guidance.Step{Index: i, Count: c.count})
				if r.Moves > 0 {
					moved = append(moved, fmt.Sprint(i))
				} else {
					reasons = append(reasons, r.Skipped)
				}
				if r.Wanted != (r.Moves > 0) {
					t.Errorf("%+v: step %d is wanted: %v", c, i, r.Wanted)
				}
			}
			if got := strings.Join(moved, " "); got != c.want || c.reason != "" && !slices.Contains(reasons, c.reason) {
				t.Errorf("%+v: steps %s are guided; the others: %q", c, got, reasons)
			}
		})
	}
}

// steady has something to do at every step.
type steady struct{ energy }

func (s steady) Begin(guidance.Target) (guidance.Guide, error) {
	return always{&lowering{energy: s.energy}}, nil
}

type always struct{ *lowering }

func (always) Idle(guidance.Step) string { return "" }

// TestMistakesOfModes holds that each is named, all at once.
func TestMistakesOfModes(t *testing.T) {
	m := method()
	m.Every, m.SkipBelow, m.Reuse = -1, -0.5, "everything"
	err := m.Validate()
	for _, want := range []string{"every is -1", "skip below is -0.5", `reuse is "everything", it must be one of none, conditional, shared`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	for at, want := range map[string]string{
		"0 1.5": `at has "1.5", it must be fractions`, "0;0.5": `at has "0;0.5"`, "-0.1": `at has "-0.1"`, "NaN": `at has "NaN"`, "0 0.5": "set one of them",
	} {
		m := method()
		m.At, m.Every = at, 2
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("at %q: %v, want %q", at, err, want)
		}
	}
}

// TestSkipBelow holds that a step of a smaller loss is left alone without a gradient, that nobody misses it, that a refined step ends
// there and keeps what it had, and that losses below 0 are not small where nothing is asked for.
func TestSkipBelow(t *testing.T) {
	layers := synthetic.NewLayers(t, 8)
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 8, torch.Float64)
		m := method()
		one, first := guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Count: 5})
		_, second := guide(t, open(t, guidance.Config{Model: layers, Method: m}), one, guidance.Step{Count: 5})
		if !(second.Loss < first.Loss) {
			t.Fatalf("losses %v, %v", first.Loss, second.Loss)
		}
		m.SkipBelow = first.Loss
		if _, r := guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Count: 5}); r.Moves != 1 || r.GradNorm != first.GradNorm {
			t.Errorf("a loss that is not below: %+v", r)
		}
		out, r := guide(t, open(t, guidance.Config{Model: layers, Method: m}), one, guidance.Step{Count: 5})
		if r.Moves != 0 || r.GradNorm != 0 || r.Loss != second.Loss || r.Wanted || !strings.Contains(r.Skipped, "(skip_below)") || !slices.Equal(out.Float64s(), one.Float64s()) {
			t.Errorf("%+v", r)
		}
		if short := guidance.Shortfall([][]guidance.Report{{r}}); short != "" {
			t.Errorf("the step is missed: %s", short)
		}
		m.refine = 3
		out, r = guide(t, open(t, guidance.Config{Model: layers, Method: m}), x, guidance.Step{Count: 5})
		if r.Moves != 1 || !r.Wanted || r.Skipped != "" || !slices.Equal(out.Float64s(), one.Float64s()) {
			t.Errorf("a refined step: %+v", r)
		}
	})
}

// evaluator is a model that can predict: the latent times three.
type evaluator struct {
	guidance.Model
	asks *[]guidance.Ask
}

func (e evaluator) Layers(x torch.Tensor) []attention.Tap {
	taps, _ := e.Taps(x, 0)
	for i := range taps {
		taps[i].Q, taps[i].K = torch.Tensor{}, torch.Tensor{}
	}
	return taps
}

func (e evaluator) Evaluate(x torch.Tensor, timestep float64, ask guidance.Ask) ([]attention.Tap, torch.Tensor, error) {
	*e.asks = append(*e.asks, ask)
	taps, err := e.Taps(x, timestep)
	if ask.Layers > 0 {
		taps = taps[:ask.Layers]
	}
	if !ask.Prediction {
		return taps, torch.Tensor{}, err
	}
	return taps, x.MulScalar(3), err
}

// reading reads the second layer alone.
type reading struct{ energy }

func (r reading) Begin(guidance.Target) (guidance.Guide, error) {
	return reader{&lowering{energy: r.energy}}, nil
}

type reader struct{ *lowering }

func (reader) Reads(layers []attention.Tap) []bool {
	reads := make([]bool, len(layers))
	reads[1] = true
	return reads
}

// TestModelIsAskedForWhatIsRead holds that an evaluation ends behind the last layer that the method reads, that the method is given no
// other, whatever the model can do, and that predictions are asked for where they are reused.
func TestModelIsAskedForWhatIsRead(t *testing.T) {
	layers := synthetic.NewLayers(t, 9)
	var asks []guidance.Ask
	able := evaluator{layers, &asks}
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 9, torch.Float64)
		only := synthetic.ModelFunc(func(x torch.Tensor, timestep float64) []attention.Tap {
			taps, _ := layers.Taps(x, timestep)
			return taps[1:2]
		})
		want, _ := guide(t, open(t, guidance.Config{Model: only, Method: method()}), x, guidance.Step{Count: 5})
		for name, model := range map[string]guidance.Model{"able": able, "plain": layers} {
			got, _ := guide(t, open(t, guidance.Config{Model: model, Method: reading{method()}}), x, guidance.Step{Count: 5})
			if !slices.Equal(got.Float64s(), want.Float64s()) {
				t.Errorf("%s: the method was given other layers", name)
			}
		}
		if want := []guidance.Ask{{Layers: 2}}; !slices.Equal(asks, want) {
			t.Errorf("the model was asked for %+v, want %+v", asks, want)
		}

		asks = nil
		m := reading{method()}
		m.Reuse, m.refine = guidance.ReuseShared, 2
		var at, value []float64
		calls := 0
		s := open(t, guidance.Config{Model: able, Method: m, Noise: doubled{}, Predicted: func(p guidance.Prediction) {
			at, value = p.At.Float64s(), p.Value.Float64s()
			if calls++; p.Value.RequiresGrad() || p.At.RequiresGrad() {
				t.Error("a prediction has a gradient")
			}
		}})
		guide(t, s, x, guidance.Step{Count: 5})
		guide(t, s, x, guidance.Step{Index: 3, Count: 5}) // idle: the fourth
		if want := []guidance.Ask{{Layers: 2, Prediction: true}, {Layers: 2, Prediction: true}}; !slices.Equal(asks, want) || calls != 2 {
			t.Errorf("the model was asked for %+v, want %+v; %d predictions", asks, want, calls)
		}
		first, _ := guide(t, open(t, guidance.Config{Model: able, Method: reading{method()}, Noise: doubled{}}), x, guidance.Step{Count: 5})
		synthetic.Near(t, "where the second move was", at, first.DivScalar(2).Float64s(), 1e-12)
		synthetic.Near(t, "what was predicted there", value, first.MulScalar(1.5).Float64s(), 1e-12)
	})
}

// onlining is a method that can do with maps made while the model is evaluated, until it finds that it cannot.
type onlining struct{ energy }

func (onlining) Online() (attention.Options, bool) { return attention.Options{DetachSelf: true}, true }

func (o onlining) Begin(guidance.Target) (guidance.Guide, error) {
	return &crowded{lowering: &lowering{energy: o.energy}}, nil
}

type crowded struct {
	*lowering
	calls int
}

func (c *crowded) Measure(r attention.Reading, step guidance.Step, maps *guidance.Maps) (guidance.Measurement, error) {
	if c.calls++; c.calls == 1 {
		return guidance.Measurement{}, attention.ErrManyRows
	}
	return c.lowering.Measure(r, step, maps)
}

// TestManyRowsAreLookedAtAgain holds that a step for which maps made online have too little room is taken all the same, with queries and keys,
// and that the next one begins online again.
func TestManyRowsAreLookedAtAgain(t *testing.T) {
	layers := synthetic.NewLayers(t, 9)
	var asks []guidance.Ask
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 9, torch.Float64)
		want, _ := guide(t, open(t, guidance.Config{Model: layers, Method: method()}), x, guidance.Step{Count: 5})
		s := open(t, guidance.Config{Model: evaluator{layers, &asks}, Method: onlining{method()}})
		got, _ := guide(t, s, x, guidance.Step{Count: 5})
		if !slices.Equal(got.Float64s(), want.Float64s()) {
			t.Error("the step is another one")
		}
		guide(t, s, x, guidance.Step{Index: 1, Count: 5})
		if len(asks) != 3 || asks[0].Online == nil || asks[1].Online != nil || asks[2].Online == nil {
			t.Errorf("the model was asked for %+v", asks)
		}
	})
}

// TestWhoCanReuse holds that reuse is refused where nobody takes predictions, or none are made, but of sessions that only measure.
func TestWhoCanReuse(t *testing.T) {
	layers := synthetic.NewLayers(t, 10)
	m := method()
	m.Reuse = guidance.ReuseConditional
	taker := func(guidance.Prediction) {}
	for name, c := range map[string]guidance.Config{
		"no taker": {Model: evaluator{layers, new([]guidance.Ask)}}, "a model that cannot": {Model: layers, Predicted: taker},
	} {
		c.Noise, c.Target, c.Method = synthetic.Plain{}, cats, m
		if _, err := guidance.Open(c); err == nil || !strings.Contains(err.Error(), "reuse is conditional") || !strings.Contains(err.Error(), "set reuse to none") {
			t.Errorf("%s: %v", name, err)
		}
		c.Measure = true
		open(t, c)
	}
}
