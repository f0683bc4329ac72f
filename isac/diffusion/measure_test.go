package diffusion

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
)

// TestMeasureReportsAnUnguidedRun holds that a measured run gives the bits of an unguided one, with the losses of all its steps, and
// that its observer sees each image at each step.
func TestMeasureReportsAnUnguidedRun(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Batch = 2
	plain, _ := sample(t, p, r)
	r.Guidance = guided(r.Positive, func(o *isac.Options) { o.End = 0.5 })
	r.Guidance.Measure = true
	r.Guidance.ObserveSelf = func(s guidance.Step) bool { return s.Index == 1 }
	type place struct{ image, step int }
	var seen []place
	r.Guidance.Observe = func(image int, m guidance.Maps) {
		seen = append(seen, place{image, m.Report.Index})
		self := 0
		if m.Report.Index == 1 { // it alone is asked for
			self = m.Height * m.Width * m.Height * m.Width
		}
		if m.Height < 1 || len(m.Self) != self || len(m.Prop) != 2 {
			t.Errorf("image %d has a grid of %dx%d and %d values of SA", image, m.Height, m.Width, len(m.Self))
		}
	}
	measured, reports := sample(t, p, r)
	if !slices.Equal(plain, measured) {
		t.Error("measuring has changed the images")
	}
	if len(reports) != 3 || len(reports[0]) != 2 {
		t.Fatalf("%d reports, want two for each of three steps", len(reports))
	}
	for i, images := range reports {
		for _, report := range images {
			if report.Index != i || report.StepNorm != 0 || report.Skipped == "" && report.Loss <= 0 {
				t.Errorf("step %d: %+v", i, report)
			}
		}
	}
	if want := []place{{0, 0}, {1, 0}, {0, 1}, {1, 1}, {0, 2}, {1, 2}}; !slices.Equal(seen, want) {
		t.Errorf("observed images and steps %v, want %v", seen, want)
	}

	// Guided, the first step starts from the same latents, and so sees the same, but for what evaluating both at once makes of the last bits.
	r.Guidance.Measure, r.Guidance.Observe = false, nil
	_, again := sample(t, p, r)
	for i := range 2 {
		for j, want := range reports[0][i].Losses {
			if got := again[0][i].Losses[j]; got.Name != want.Name || got.Weight != want.Weight || math.Abs(got.Value-want.Value) > 1e-6 {
				t.Errorf("image %d: guidance sees %v, measuring %v", i, got, want)
			}
		}
	}
}

// TestRandomDirectionsOfImages holds that the control moves each image of a batch in its own direction, with each seed of the
// request or of directions another, and the same way twice.
func TestRandomDirectionsOfImages(t *testing.T) {
	p := loadTiny(t)
	step := func(seed, directions uint64) [2][]float64 {
		r := request(t, p)
		r.Batch, r.Seed = 2, seed
		r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Direction, o.DirectionSeed = guidance.DirectionRandom, directions })
		pl, err := p.plan(&r)
		if err != nil {
			t.Fatal(err)
		}
		run := &run{p: p, ctx: context.Background(), request: &r, plan: pl}
		var out [2][]float64
		fixture.InScope(t, func() {
			if err := run.begin(); err != nil {
				t.Fatal(err)
			}
			defer run.close()
			x := must(run.noised())
			moved, err := run.before(0, pl.sigmas[0], x)
			if err != nil {
				t.Fatal(err)
			}
			for b := range out {
				if report := run.reports[0][b]; report.Skipped != "" || report.StepNorm <= 0 {
					t.Errorf("image %d: a step of %v, skipped %q", b, report.StepNorm, report.Skipped)
				}
				d := moved.Sub(x).Narrow(0, int64(b), 1)
				out[b] = d.DivScalar(d.NormAll().Item()).Float64s()
			}
		})
		return out
	}
	cosine := func(a, b []float64) float64 {
		sum := 0.0
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	first, again, seed, directions := step(11, 0), step(11, 0), step(40, 0), step(11, 9)
	if c := cosine(first[0], again[0]); c < 0.999 {
		t.Errorf("the same request moves the image elsewhere: the cosine is %v", c)
	}
	for name, other := range map[string][]float64{"the other image": first[1], "another seed": seed[0], "another seed of directions": directions[0]} {
		if c := cosine(first[0], other); math.Abs(c) > 0.35 { // of 256 numbers
			t.Errorf("%s is moved alike: the cosine is %v", name, c)
		}
	}
}
