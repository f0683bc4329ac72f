package guidance

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Window gives the steps [first, end) of a run of count steps between Start and End.
func (o Options) Window(count int) (first, end int) {
	// The subtraction keeps 0.1·30 = 3.0000000000000004 from becoming 4.
	ceil := func(f float64) int { return int(math.Ceil(f*float64(count) - 1e-9)) }
	return ceil(o.Start), ceil(o.End)
}

// leaves tells why the options leave a step out, "" if they do not.
func (o Options) leaves(step Step) string {
	if chosen, err := o.steps(step.Count); err == nil && len(chosen) > 0 {
		if !slices.Contains(chosen, step.Index) {
			return fmt.Sprintf("step %d of %d is none of those at %s of the run", step.Index+1, step.Count, o.At)
		}
		return ""
	}
	first, end := o.Window(step.Count)
	switch {
	case step.Index < first || step.Index >= end:
		return fmt.Sprintf("step %d of %d is outside the guided steps %d to %d", step.Index+1, step.Count, first+1, end)
	case o.Every > 1 && (step.Index-first)%o.Every != 0:
		return fmt.Sprintf("step %d of %d is left out: one of %d is guided, from step %d to %d", step.Index+1, step.Count, o.Every, first+1, end)
	}
	return ""
}

// steps are those that At names of a run of count steps, none where it names none.
func (o Options) steps(count int) ([]int, error) {
	var steps []int
	between := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	for _, word := range strings.FieldsFunc(o.At, between) {
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return nil, fmt.Errorf("at has %q, it must be fractions of the run from 0 to 1 with spaces or commas between, such as 0 0.1 0.4", word)
		}
		steps = append(steps, min(int(f*float64(count)+1e-9), count-1))
	}
	return steps, nil
}

// checkSteps reports what is wrong with which steps are guided.
func (o Options) checkSteps(bad func(format string, args ...any)) {
	if !(o.Start >= 0 && o.Start < o.End && o.End <= 1) {
		bad("the window of steps is %v to %v, it must be two fractions of the run with 0 <= start < end <= 1", o.Start, o.End)
	}
	if o.Every < 0 {
		bad("every is %d, it must be 2 or more to guide one step of so many, or 0 for each", o.Every)
	}
	steps, err := o.steps(1)
	if err != nil {
		bad("%w", err)
	}
	if o.Every > 1 && (len(steps) > 0 || err != nil) {
		bad("every is %d and at is %q, which both say what steps are guided: set one of them", o.Every, o.At)
	}
}
