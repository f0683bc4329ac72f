package score

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/methods"
)

// picture is a record of n cats wanted and m found, side by side.
func picture(task string, level int, prompt string, seed uint64, method string, wanted, found int) Record {
	var list []detect.Detection
	for i := range found {
		list = append(list, at("cat", float64(20*i), 0, 10, 10))
	}
	r := Record{
		Task: task, Split: SplitReport, Level: level, Prompt: prompt, Wanted: want("cat", wanted), Seed: seed, Method: method,
		Found: both(list...), Seconds: 2, PeakBytes: 100,
	}
	if method != "none" {
		r.Seconds, r.PeakBytes = 5, 250
	}
	return r
}

// small is a bench that can be computed by hand: two levels, three prompts of two and two of four, one seed.
func small() []Record {
	var out []Record
	for _, p := range []struct {
		level       int
		name        string
		none, moved int
	}{
		{2, "p", 1, 2}, {2, "q", 2, 2}, {2, "r", 0, 1}, // ratios ½, 1, 0 → 1, 1, ½
		{4, "s", 2, 4}, {4, "t", 1, 5}, // ratios ½, ¼ → 1, 1
	} {
		out = append(out, picture(TaskMultiInstance, p.level, p.name, 1, "none", p.level, p.none),
			picture(TaskMultiInstance, p.level, p.name, 1, "isac", p.level, p.moved))
	}
	return out
}

func summarise(t *testing.T, records []Record) Summary {
	t.Helper()
	s, err := Summarise(records, "none")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSummarise(t *testing.T) {
	s := summarise(t, small())
	if !slices.Equal(s.Methods, []string{"none", "isac"}) || !slices.Equal(s.Detectors, []string{"a", "b"}) || s.Split != "report" || s.Base != "none" {
		t.Errorf("%+v", s)
	}
	task := s.Task(TaskMultiInstance)
	if task == nil || !slices.Equal(task.Levels, []int{2, 4}) || !task.ByLevel || task.Pairs != 5 || task.LeftOut != 0 || len(s.Tasks) != 1 || s.Pairs != 5 {
		t.Fatalf("%+v", s)
	}
	none, moved := task.Row("none"), task.Row("isac")
	if &task.Rows[0] != none || &task.Rows[1] != moved || task.Row("other") != nil || s.Task(TaskMixed) != nil || s.Cost("other") != nil {
		t.Error("rows and tasks are not found by name")
	}
	type line struct{ two, four, average float64 }
	for metric, want := range map[Metric]struct{ none, moved line }{
		MetricRatio:      {line{0.5, 0.375, 0.4375}, line{5. / 6, 1, 11. / 12}},
		MetricAllPresent: {line{1. / 3, 0, 1. / 6}, line{2. / 3, 1, 5. / 6}},
		MetricExact:      {line{1. / 3, 0, 1. / 6}, line{2. / 3, 0.5, 7. / 12}},
		MetricOver:       {line{}, line{0, 0.5, 0.25}},
		MetricFused:      {line{}, line{}},
		MetricFound:      {line{1, 1.5, 1.25}, line{5. / 3, 4.5, 37. / 12}},
	} {
		for name, c := range map[string]struct {
			cell Cell
			want float64
		}{
			"none #2": {none.Levels[0].Scores[metric], want.none.two}, "none #4": {none.Levels[1].Scores[metric], want.none.four},
			"none": {none.Average.Scores[metric], want.none.average},
			"#2":   {moved.Levels[0].Scores[metric], want.moved.two}, "#4": {moved.Levels[1].Scores[metric], want.moved.four},
			"average": {moved.Average.Scores[metric], want.moved.average},
			"gain #2": {moved.Levels[0].Difference[metric], want.moved.two - want.none.two}, "gain #4": {moved.Levels[1].Difference[metric], want.moved.four - want.none.four},
			"gain": {moved.Average.Difference[metric], want.moved.average - want.none.average},
		} {
			if !near(c.cell.Mean, c.want, 1e-12) || c.cell.Low > c.cell.Mean || c.cell.High < c.cell.Mean || !c.cell.HasInterval {
				t.Errorf("%s, %s: %+v, want %v", metric, name, c.cell, c.want)
			}
		}
	}
	if none.Average.Difference != nil || none.Levels[0].Difference != nil {
		t.Error("the base differs from itself")
	}
	if c := moved.Average.Difference[MetricRatio]; c.N != 5 || c.Prompts != 5 {
		t.Errorf("%+v is not of 5 pairs", c)
	}
	// Level 4 has gains ½ and ¾; a resample is one of them.
	if c := moved.Levels[1].Difference[MetricRatio]; !near(c.Low, 0.5, 1e-12) || !near(c.High, 0.75, 1e-12) || !c.Clear() {
		t.Errorf("%+v, want 0.5 to 0.75", c)
	}
	cost := s.Cost("isac")
	if cost.Seconds.Mean != 5 || cost.SecondsRatio.Mean != 2.5 || cost.SecondsRatio.Low != 2.5 || cost.PeakBytes != 250 || cost.PeakRatio() != 2.5 {
		t.Errorf("cost %+v", cost)
	}
	if base := s.Cost("none"); base.SecondsRatio.Mean != 1 || base.PeakRatio() != 1 || !reflect.DeepEqual(moved.Cost, *cost) {
		t.Errorf("costs %+v, %+v", base, moved.Cost)
	}
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "only 2 prompts") {
		t.Errorf("notes %q", s.Notes)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
	// The same table from the same records in any order, and the differences are Bootstrap's.
	shuffled := small()
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if !reflect.DeepEqual(summarise(t, shuffled), s) {
		t.Error("the order of records matters")
	}
	alone := Bootstrap([]Value{{2, "p", 0.5}, {2, "q", 0}, {2, "r", 0.5}, {4, "s", 0.5}, {4, "t", 0.75}}, true)
	if c := moved.Average.Difference[MetricRatio]; !near(c.Low, alone.Low, 1e-12) || !near(c.High, alone.High, 1e-12) {
		t.Errorf("%+v in the table, %+v alone", c, alone)
	}
}

// TestSummariseLeftOut: a run that was cut short compares what all methods have, task by task.
func TestSummariseLeftOut(t *testing.T) {
	records := append(small()[:9],
		picture(TaskMultiInstance, 4, "u", 1, "isac", 4, 4), // "t" and "u" lack one method each
		picture(TaskSingle, 1, "v", 1, "none", 1, 1), picture(TaskSingle, 1, "v", 2, "none", 1, 0),
		picture(TaskMixed, 3, "w", 1, "isac", 3, 3), // no base
	)
	s := summarise(t, records)
	if s.Pairs != 6 || s.LeftOut != 3 {
		t.Errorf("%d pairs, %d left out", s.Pairs, s.LeftOut)
	}
	multi := s.Task(TaskMultiInstance)
	if multi.Pairs != 4 || multi.LeftOut != 2 || multi.Row("isac").Levels[1].Scores[MetricRatio].N != 1 {
		t.Errorf("%+v", multi)
	}
	// One prompt is left at level 4: a mean without an interval, and so for the average; level 2 keeps its own.
	row := multi.Row("isac")
	if row.Levels[1].Scores[MetricRatio].HasInterval || row.Average.Difference[MetricRatio].HasInterval || !row.Levels[0].Scores[MetricRatio].HasInterval {
		t.Errorf("%+v", row)
	}
	// A task that the other method was never run with is whole. Its two pictures are of one prompt.
	single := s.Task(TaskSingle)
	if single.Pairs != 2 || len(single.Rows) != 1 || single.Rows[0].Average.Scores[MetricExact].Mean != 0.5 || single.Rows[0].Average.Scores[MetricExact].Prompts != 1 {
		t.Errorf("%+v", single)
	}
	if s.Task(TaskMixed) != nil || s.Cost("isac").Seconds.N != 4 || s.Cost("none").Seconds.N != 6 {
		t.Errorf("%+v", s)
	}
	notes := strings.Join(s.Notes, "\n")
	for _, part := range []string{"multi-instance: 2 pairs", "none lacks 1, isac lacks 1", "mixed: no picture of the base", "single prompt"} {
		if !strings.Contains(notes, part) {
			t.Errorf("%q does not say %q", notes, part)
		}
	}
}

// TestSummariseNumeracy: its average is over pictures, and it has T2I-CompBench++'s own score.
func TestSummariseNumeracy(t *testing.T) {
	var records []Record
	for i, found := range []int{1, 2, 0, 3} { // wanted 1, 3, 3, 3: ratios 1, ⅔, 0, 1
		wanted := 3
		if i == 0 {
			wanted = 1
		}
		records = append(records, picture(TaskNumeracy, wanted, fmt.Sprint("p", i), 1, "none", wanted, found))
	}
	task := summarise(t, records).Task(TaskNumeracy)
	average := task.Rows[0].Average
	if task.ByLevel || !near(average.Scores[MetricRatio].Mean, (1+2./3+0+1)/4, 1e-12) || !average.Scores[MetricRatio].HasInterval {
		t.Errorf("%+v", task)
	}
	if c := average.Scores[MetricCompBench]; !near(c.Mean, (1+0.5+0+1)/4, 1e-12) {
		t.Errorf("T2I-CompBench++ %+v", c)
	}
	if len(average.Scores) != len(MetricsOf(TaskNumeracy)) || task.Rows[0].Levels[0].Scores[MetricRatio].HasInterval {
		t.Errorf("%+v", task.Rows[0])
	}
}

func TestSummariseErrors(t *testing.T) {
	change := func(fn func(r *Record)) []Record {
		records := small()
		fn(&records[3])
		return records
	}
	for name, c := range map[string]struct {
		records []Record
		want    string
	}{
		"empty":     {nil, "no records"},
		"no base":   {small()[1:2], `no record is of the base "none", the methods are isac`},
		"twice":     {append(small(), small()[0]), "multi-instance|p|1|none is there twice"},
		"split":     {change(func(r *Record) { r.Split = SplitSelect }), `split "select"`},
		"detectors": {change(func(r *Record) { r.Found = map[string][]detect.Detection{"a": nil} }), "judged by the detectors a, the first one by a, b"},
		"wish":      {change(func(r *Record) { r.Wanted = want("cat", 3) }), "wants [{cat 3}] at level 2, that of none wants [{cat 2}]"},
		"level":     {change(func(r *Record) { r.Level = 3 }), "at level 3, that of none"},
		"invalid":   {change(func(r *Record) { r.Seconds = -1 }), "seconds are -1"},
	} {
		if _, err := Summarise(c.records, "none"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	many := small()
	for i := range many {
		many[i].Level = 0
	}
	many[0].Split = "x"
	_, err := Summarise(many, "none")
	if err == nil || strings.Count(err.Error(), "level is 0") != len(many) || !strings.Contains(err.Error(), `split is "x"`) {
		t.Errorf("all mistakes together: %v", err)
	}
	_, err = Summarise(append(many, many...), "none")
	if err == nil || strings.Count(err.Error(), "level is 0") != maxMistakes || !strings.Contains(err.Error(), "and 10 more") {
		t.Errorf("a long list of mistakes: %v", err)
	}
}

func TestMetrics(t *testing.T) {
	for _, m := range MetricsOf(TaskNumeracy) {
		Scores{}.value(m) // panics where one is missing
	}
	if MetricFused.Better() != -1 || MetricRatio.Better() != 1 || MetricFound.Better() != 0 || MetricFound.IsShare() || !MetricOver.IsShare() {
		t.Error("directions of metrics")
	}
	if slices.Contains(MetricsOf(TaskMixed), MetricCompBench) {
		t.Error("compbench is for numeracy")
	}
}

// BenchmarkSummarise is 10,000 records: four methods, 1250 prompts of five tasks, two seeds.
func BenchmarkSummarise(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var records []Record
	for p := range 1250 {
		task := Tasks()[p%5]
		for seed := range 2 {
			for _, method := range []string{"none", "isac", "random", "isac:typed+eta=0.05"} {
				level := 2 + p/5%4
				records = append(records, picture(task, level, fmt.Sprint("prompt ", p), uint64(seed), method, level, rng.IntN(level+2)))
			}
		}
	}
	for b.Loop() {
		if _, err := Summarise(records, "none"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSkippedSteps holds that the share of steps that a guided method left out is told, and none of a run that was only measured.
func TestSkippedSteps(t *testing.T) {
	isac := &methods.Chosen{}
	records := []Record{
		{Method: "none", Losses: []StepLoss{{Skipped: "no foreground"}}},
		{Method: "isac", Options: isac, Losses: []StepLoss{{Step: 0}, {Step: 1, Skipped: "the gradient is zero"}}},
		{Method: "isac", Options: isac, Losses: []StepLoss{{Step: 0}, {Step: 1}}},
		{Method: "random", Options: isac, Losses: []StepLoss{{Step: 0}}},
	}
	if got, want := skipped(records), (map[string]float64{"isac": 0.25}); !maps.Equal(got, want) {
		t.Errorf("%v, expected %v", got, want)
	}
	if got := skipped(records[3:]); got != nil {
		t.Errorf("%v, expected nothing", got)
	}
}
