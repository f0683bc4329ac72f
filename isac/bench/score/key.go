package score

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// The splits of prompts and seeds.
const (
	SplitSelect = "select" // to choose options on
	SplitReport = "report" // to report results on, never looked at before
)

// Key names a picture among all pictures of a run: task|prompt|seed|method. No two different pictures have the same key, since
// tasks and methods hold no "|".
func (r Record) Key() string { return r.pair() + "|" + r.Method }

// pair is what pictures of all methods share: task, prompt and noise.
func (r Record) pair() string {
	return r.Task + "|" + r.Prompt + "|" + strconv.FormatUint(r.Seed, 10)
}

// Validate gives all that is wrong with a record in one error.
func (r Record) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains(Tasks(), r.Task) {
		bad("task is %q, it must be one of %s", r.Task, strings.Join(Tasks(), ", "))
	}
	if r.Split != SplitSelect && r.Split != SplitReport {
		bad("split is %q, it must be %s or %s", r.Split, SplitSelect, SplitReport)
	}
	if r.Level < 1 {
		bad("level is %d, it must be at least 1", r.Level)
	}
	if r.Prompt == "" {
		bad("prompt is empty")
	}
	if r.Method == "" || strings.ContainsRune(r.Method, '|') {
		bad("method is %q, it must be a text without |", r.Method)
	}
	if len(r.Wanted) == 0 {
		bad("wanted is empty, a picture without a wish cannot be judged")
	}
	seen := map[string]bool{}
	for _, w := range r.Wanted {
		if w.Class == "" || w.Count < 1 || seen[w.Class] {
			bad("wanted holds %q × %d, it must name each class once, with a count of at least 1", w.Class, w.Count)
		}
		seen[w.Class] = true
	}
	if len(r.Found) == 0 {
		bad("found is empty, it must have an entry for each detector, also for one that saw nothing")
	}
	for name, list := range r.Found {
		for i, d := range list {
			if err := checkDetection(d); err != nil {
				bad("detection %d of %s: %w", i, name, err)
			}
		}
	}
	if r.Evaluations < 0 || r.Gradients < 0 || r.Gradients > r.Evaluations {
		bad("evaluations are %d and those with a gradient %d, expected no negative number and no more than all", r.Evaluations, r.Gradients)
	}
	if !(r.Seconds >= 0) || math.IsInf(r.Seconds, 0) || r.PeakBytes < 0 {
		bad("seconds are %v and peak bytes %d, they must be finite and not negative", r.Seconds, r.PeakBytes)
	}
	for _, l := range r.Losses {
		if v := l.Instance + l.Class + l.Moved; math.IsNaN(v) || math.IsInf(v, 0) {
			bad("losses of step %d are %v, %v, moved %v: they must be finite", l.Step, l.Instance, l.Class, l.Moved)
		}
	}
	return errors.Join(errs...)
}

func checkDetection(d detect.Detection) error {
	b := d.Box
	for _, v := range []float64{b.X0, b.Y0, b.X1, b.Y1} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("box %v is not finite", b)
		}
	}
	switch {
	case d.Class == "":
		return errors.New("class is empty")
	case b.X1 < b.X0 || b.Y1 < b.Y0:
		return fmt.Errorf("box %v has swapped corners", b)
	case !(d.Score >= 0 && d.Score <= 1):
		return fmt.Errorf("score is %v, it must be in 0..1", d.Score)
	}
	return nil
}
