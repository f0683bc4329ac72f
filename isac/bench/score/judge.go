package score

import "github.com/isac-guidance/isac/isac/bench/detect"

// AgreeIoU is how well the boxes of two detectors must fit to be one object, see detect.Agree.
const AgreeIoU = 0.5

// Scores are what one picture is worth.
type Scores struct {
	// Ratio is the paper's accuracy (B.3), 0..1: of the objects asked for, the part that is there. Multi-class: classes found / k.
	// All other tasks: Σ min(found, wanted) / Σ wanted over the classes, so that three dogs do not stand in for a missing cat.
	Ratio float64 `json:"ratio"`
	// Found is the number of objects of the wanted classes, also of those too many.
	Found float64 `json:"found"`
	// AllPresent: of every wanted class at least as many as asked for.
	AllPresent bool `json:"all_present"`
	// Exact: of every wanted class exactly as many as asked for, and nothing of any other class.
	Exact bool `json:"exact"`
	// Over: too many of a wanted class, or something of a class that nobody asked for.
	Over bool `json:"over"`
	// Fused: a hybrid or merged object, see fused.
	Fused bool `json:"fused"`
	// CompBench is the score of T2I-CompBench++ for numeracy, 0..1, by its rule and not with its detector: each class of the
	// prompt has the same weight, half of it for being there and half for its exact number.
	CompBench float64 `json:"compbench"`
}

// Judge scores a picture. Ratio, Found, AllPresent, Exact, Over and CompBench count objects that two detectors agree on
// (detect.Agree at AgreeIoU; with a single detector, what it found). Fused looks at what each detector saw. A picture in which
// nothing was found is worth 0; so is one that no detector looked at, which Validate refuses.
func Judge(r Record) Scores {
	found := map[string]int{}
	for _, d := range detect.Agree(r.Found, AgreeIoU) {
		found[d.Class]++
	}
	s := Scores{AllPresent: len(r.Wanted) > 0, Exact: len(r.Wanted) > 0, Fused: fused(r.Found)}
	var reached, asked float64
	for _, w := range r.Wanted {
		n := found[w.Class]
		delete(found, w.Class)
		need := w.Count
		if r.Task == TaskMultiClass {
			need = 1
		}
		reached += float64(min(n, need))
		asked += float64(need)
		s.Found += float64(n)
		s.AllPresent = s.AllPresent && n >= need
		s.Exact = s.Exact && n == w.Count
		s.Over = s.Over || n > w.Count
		if n > 0 {
			s.CompBench += 0.5
		}
		if n == w.Count {
			s.CompBench += 0.5
		}
	}
	if asked > 0 {
		s.Ratio = reached / asked
		s.CompBench /= float64(len(r.Wanted))
	}
	if len(found) > 0 { // what is left was not asked for
		s.Exact, s.Over = false, true
	}
	return s
}

// value gives one metric as a number, yes as 1.
func (s Scores) value(m Metric) float64 {
	share := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	switch m {
	case MetricRatio:
		return s.Ratio
	case MetricAllPresent:
		return share(s.AllPresent)
	case MetricExact:
		return share(s.Exact)
	case MetricOver:
		return share(s.Over)
	case MetricFused:
		return share(s.Fused)
	case MetricFound:
		return s.Found
	case MetricCompBench:
		return s.CompBench
	}
	panic("score: unknown metric " + string(m))
}
