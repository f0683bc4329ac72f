package score

import (
	"fmt"
	"maps"
	"slices"
)

// gathered are the records of one task, pair by pair.
type gathered struct {
	task    string
	methods []string   // the base first
	pairs   [][]Record // the pairs that all methods have, each with one record a method in the order of methods
	leftOut int
	lacks   map[string]int // pairs that a method has no picture of
	noBase  bool
}

// gather finds the pairs that all methods of a task have a picture of.
func gather(task string, records []Record, base string) gathered {
	var own []Record
	for _, r := range records {
		if r.Task == task {
			own = append(own, r)
		}
	}
	g := gathered{task: task, lacks: map[string]int{}}
	if len(own) == 0 {
		return g
	}
	g.methods = methodsOf(own, base)
	g.noBase = g.methods[0] != base
	pairs := map[string]map[string]Record{}
	for _, r := range own {
		if pairs[r.pair()] == nil {
			pairs[r.pair()] = map[string]Record{}
		}
		pairs[r.pair()][r.Method] = r
	}
	// Sorted, so that sums are formed in the same order every time.
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		var row []Record
		for _, m := range g.methods {
			if r, ok := pairs[key][m]; ok {
				row = append(row, r)
			} else {
				g.lacks[m]++
			}
		}
		if len(row) < len(g.methods) || g.noBase {
			g.leftOut++
			continue
		}
		g.pairs = append(g.pairs, row)
	}
	return g
}

// fewPrompts is below what a percentile interval is only a rough one.
const fewPrompts = 10

// notes says what a reader of the tables must know about this task.
func (g gathered) notes() []string {
	if g.noBase {
		return []string{fmt.Sprintf("%s: no picture of the base, so nothing is compared (%d pairs left out)", g.task, g.leftOut)}
	}
	var notes []string
	if g.leftOut > 0 {
		text := fmt.Sprintf("%s: %d pairs of prompt and seed are left out, for not every method has a picture of them yet:", g.task, g.leftOut)
		sep := " "
		for _, m := range g.methods {
			if g.lacks[m] > 0 {
				text += fmt.Sprintf("%s%s lacks %d", sep, m, g.lacks[m])
				sep = ", "
			}
		}
		notes = append(notes, text)
	}
	prompts := map[int]map[string]bool{}
	for _, row := range g.pairs {
		level := row[0].Level
		if g.task == TaskNumeracy {
			level = 0 // its levels are not shown
		}
		if prompts[level] == nil {
			prompts[level] = map[string]bool{}
		}
		prompts[level][row[0].Prompt] = true
	}
	fewest := fewPrompts
	for _, p := range prompts {
		fewest = min(fewest, len(p))
	}
	switch {
	case fewest == 1:
		notes = append(notes, g.task+": where a level has a single prompt there is no interval, nor for the average")
	case fewest < fewPrompts:
		notes = append(notes, fmt.Sprintf("%s: some level has only %d prompts, its intervals are rough", g.task, fewest))
	}
	return notes
}

// summary computes the table of the task.
func (g gathered) summary(base string) TaskSummary {
	metrics := MetricsOf(g.task)
	byLevel := g.task != TaskNumeracy
	columns := len(g.methods) * len(metrics)
	levels, pooled := newTable(columns), newTable(columns)
	costs := make([]*costTable, len(g.methods))
	for i := range costs {
		costs[i] = newCostTable()
	}
	values := make([]float64, columns)
	for _, row := range g.pairs {
		for m, r := range row {
			scores := Judge(r)
			for k, metric := range metrics {
				values[m*len(metrics)+k] = scores.value(metric)
			}
			costs[m].add(r, row[0])
		}
		levels.add(row[0].Level, row[0].Prompt, values...)
		if !byLevel {
			pooled.add(0, row[0].Prompt, values...)
		}
	}
	drawn := levels.resample(bootstrapSeed)
	average := drawn
	if !byLevel {
		average = pooled.resample(bootstrapSeed)
	}
	t := TaskSummary{Task: g.task, ByLevel: byLevel, Pairs: len(g.pairs), LeftOut: g.leftOut, Relations: g.relations()}
	for _, l := range drawn.levels {
		t.Levels = append(t.Levels, l.level)
	}
	for m, method := range g.methods {
		block := func(r resampled) Block {
			b := Block{Scores: map[Metric]Cell{}}
			if method != base {
				b.Difference = map[Metric]Cell{}
			}
			for k, metric := range metrics {
				b.Scores[metric] = r.mean(m*len(metrics) + k)
				if method != base {
					b.Difference[metric] = r.difference(m*len(metrics)+k, k)
				}
			}
			return b
		}
		row := Row{Method: method, Average: block(average), Cost: costs[m].cost()}
		for i := range drawn.levels {
			row.Levels = append(row.Levels, block(drawn.at(i)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// addCosts adds the compared pairs to what each method costs over all tasks.
func (g gathered) addCosts(costs map[string]*costTable) {
	for m, method := range g.methods {
		if costs[method] == nil {
			costs[method] = newCostTable()
		}
		for _, row := range g.pairs {
			costs[method].add(row[m], row[0])
		}
	}
}

// costTable collects the cost of a method beside the base's.
type costTable struct {
	seconds    *table // of the method, of the base
	peak, base int64
	records    int
	// Model evaluations of all records, of the base's, and those with a gradient; uncounted is how many records do not tell.
	evaluations, baseEvaluations, gradients, uncounted int
}

func newCostTable() *costTable { return &costTable{seconds: newTable(2)} }

func (c *costTable) add(r, base Record) {
	c.seconds.add(0, r.Task+"|"+r.Prompt, r.Seconds, base.Seconds)
	c.peak, c.base = max(c.peak, r.PeakBytes), max(c.base, base.PeakBytes)
	c.records++
	if r.Evaluations == 0 || base.Evaluations == 0 {
		c.uncounted++
	}
	c.evaluations += r.Evaluations
	c.baseEvaluations += base.Evaluations
	c.gradients += r.Gradients
}

func (c *costTable) cost() Cost {
	r := c.seconds.resample(bootstrapSeed)
	cost := Cost{Seconds: r.mean(0), SecondsRatio: r.ratio(0, 1), PeakBytes: c.peak, BasePeakBytes: c.base}
	if c.uncounted == 0 && c.records > 0 {
		mean := func(n int) float64 { return float64(n) / float64(c.records) }
		cost.Evaluations, cost.BaseEvaluations, cost.Gradients = mean(c.evaluations), mean(c.baseEvaluations), mean(c.gradients)
	}
	return cost
}
