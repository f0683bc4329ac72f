package score

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxMistakes bounds how many mistakes of a set of records are listed.
const maxMistakes = 10

// Summarise computes all tables from records, in any order, of one split.
//
// Within a task only pairs of prompt and seed are compared that every method of that task has a picture of, so that all rows are
// over the same pictures; how many are left out is told. A method that a task was never run with does not shorten that task.
//
// It is an error if there are no records, if none is of the base, if a picture is there twice, if splits or detectors differ
// between records, if one pair is asked for differently by two methods, or if a record is not valid. All mistakes are reported
// together.
func Summarise(records []Record, base string) (Summary, error) {
	if len(records) == 0 {
		return Summary{}, errors.New("summarise: there are no records: run the bench first")
	}
	if err := checkRecords(records, base); err != nil {
		return Summary{}, fmt.Errorf("summarise: %w", err)
	}
	s := Summary{
		Base: base, Split: records[0].Split,
		Methods:   methodsOf(records, base),
		Detectors: slices.Sorted(maps.Keys(records[0].Found)),
	}
	s.Skipped = skipped(records)
	costs := map[string]*costTable{}
	for _, name := range Tasks() {
		g := gather(name, records, base)
		s.Pairs += len(g.pairs)
		s.LeftOut += g.leftOut
		s.Notes = append(s.Notes, g.notes()...)
		if len(g.pairs) > 0 {
			s.Tasks = append(s.Tasks, g.summary(base))
			g.addCosts(costs)
		}
	}
	for _, m := range s.Methods {
		if c := costs[m]; c != nil {
			s.Costs = append(s.Costs, MethodCost{Method: m, Cost: c.cost()})
		}
	}
	return s, nil
}

// skipped gives the share of steps that guided methods left out although they looked at them: a foreground too small, a gradient that
// is not finite. Methods that left none out are not there.
func skipped(records []Record) map[string]float64 {
	out, all := map[string]float64{}, map[string]float64{}
	for _, r := range records {
		if r.Options == nil { // measured, and not to be guided
			continue
		}
		for _, l := range r.Losses {
			all[r.Method]++
			if l.Skipped != "" {
				out[r.Method]++
			}
		}
	}
	for m := range out {
		out[m] /= all[m]
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// methodsOf lists the methods, the base first, the others sorted.
func methodsOf(records []Record, base string) []string {
	seen := map[string]bool{}
	for _, r := range records {
		seen[r.Method] = true
	}
	if !seen[base] {
		return slices.Sorted(maps.Keys(seen))
	}
	delete(seen, base)
	return append([]string{base}, slices.Sorted(maps.Keys(seen))...)
}

// checkRecords finds what makes records not comparable.
func checkRecords(records []Record, base string) error {
	var errs []error
	more := 0
	bad := func(format string, args ...any) {
		if len(errs) < maxMistakes {
			errs = append(errs, fmt.Errorf(format, args...))
		} else {
			more++
		}
	}
	if methods := methodsOf(records, base); methods[0] != base {
		bad("no record is of the base %q, the methods are %s", base, strings.Join(methods, ", "))
	}
	first := records[0]
	detectors := slices.Sorted(maps.Keys(first.Found))
	keys, asked := map[string]bool{}, map[string]Record{}
	for _, r := range records {
		if err := r.Validate(); err != nil {
			bad("record %s: %w", r.Key(), err)
			continue
		}
		key, pair := r.Key(), r.pair()
		if keys[key] {
			bad("record %s is there twice: were two runs put together, or one folder given twice?", key)
		}
		keys[key] = true
		if r.Split != first.Split {
			bad("record %s is of split %q, the first one is of %q: summarise them apart", key, r.Split, first.Split)
		}
		if names := slices.Sorted(maps.Keys(r.Found)); !slices.Equal(names, detectors) {
			bad("record %s was judged by the detectors %s, the first one by %s", key, strings.Join(names, ", "), strings.Join(detectors, ", "))
		}
		if other, ok := asked[pair]; ok && (other.Level != r.Level || !slices.Equal(other.Wanted, r.Wanted)) {
			bad("record %s wants %v at level %d, that of %s wants %v at level %d", key, r.Wanted, r.Level, other.Method, other.Wanted, other.Level)
		}
		asked[pair] = r
	}
	if more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}
