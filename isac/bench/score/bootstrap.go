package score

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// Resamples is the number of bootstrap resamples of every interval.
	Resamples = 2000
	// Confidence is the part of intervals that hold the truth.
	Confidence = 0.95
	// bootstrapSeed is fixed, so that the same records have the same table.
	bootstrapSeed = 0x15AC
)

// Value is one picture's score, or one pair's difference of scores.
type Value struct {
	Level  int
	Prompt string
	Value  float64
}

// Bootstrap gives the mean of values and its 95 % interval over other prompts and seeds of the same kind. Give it differences
// (method − base of the same prompt and seed) for a paired comparison.
//
// Pictures of one prompt resemble each other, so prompts are drawn, not pictures: each resample draws prompts with replacement,
// all seeds of a prompt with it. With byLevel the draw is within each level (levels are fixed by design, prompts are not) and the
// mean is the unweighted mean of the levels' means, as in the paper's table; without, it is the mean over all values. Low and High
// are the 2.5 % and 97.5 % quantiles of the means of 2000 resamples. The result does not depend on the order of values and is the
// same every time.
//
// Of n prompts n−1 are drawn (McCarthy and Snowden 1985; Rao and Wu 1988). The variance of such a mean is the unbiased s²/n; with
// n draws it would be (n−1)/n of it, and intervals too narrow where a level has few prompts, as it often has here. A percentile
// interval over fewer than about 10 prompts stays a rough one. Nothing can be said from one prompt: HasInterval is false then, and
// with byLevel as soon as one level has only one. No values give the zero Cell.
func Bootstrap(values []Value, byLevel bool) Cell {
	t := newTable(1)
	// In one order, so that sums are rounded the same way.
	values = slices.Clone(values)
	slices.SortFunc(values, func(a, b Value) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Prompt, b.Prompt), cmp.Compare(a.Value, b.Value))
	})
	for _, v := range values {
		level := 0
		if byLevel {
			level = v.Level
		}
		t.add(level, v.Prompt, v.Value)
	}
	return t.resample(bootstrapSeed).mean(0)
}

// table holds sums of one or more columns over the pictures of each prompt, by level. All columns are of the same pictures.
type table struct {
	columns int
	levels  map[int]map[string]*cluster
}

// cluster is one prompt: how many pictures, and the columns' sums over them.
type cluster struct {
	n    float64
	sums []float64
}

func newTable(columns int) *table {
	return &table{columns: columns, levels: map[int]map[string]*cluster{}}
}

// add adds one picture: a value for every column.
func (t *table) add(level int, prompt string, values ...float64) {
	prompts := t.levels[level]
	if prompts == nil {
		prompts = map[string]*cluster{}
		t.levels[level] = prompts
	}
	c := prompts[prompt]
	if c == nil {
		c = &cluster{sums: make([]float64, t.columns)}
		prompts[prompt] = c
	}
	c.n++
	for i, v := range values {
		c.sums[i] += v
	}
}

// resampled holds the means of every column: of the data and of each resample. What several levels or columns have in common is
// the same draw of prompts, so differences and ratios of columns may be formed resample by resample.
type resampled struct {
	levels []levelMeans
}

type levelMeans struct {
	level      int
	n, prompts int
	means      []float64   // by column
	resamples  [][]float64 // by column, Resamples means; nil with one prompt
}

// resample draws prompts within each level.
func (t *table) resample(seed uint64) resampled {
	var out resampled
	for level, prompts := range t.levels {
		names := make([]string, 0, len(prompts))
		for name := range prompts {
			names = append(names, name)
		}
		slices.Sort(names)
		// One row a prompt: the number of pictures and the sums, side by side for the inner loop.
		width := t.columns + 1
		rows := make([]float64, 0, width*len(names))
		for _, name := range names {
			rows = append(append(rows, prompts[name].n), prompts[name].sums...)
		}
		out.levels = append(out.levels, draw(level, rows, width, rand.New(rand.NewPCG(seed, uint64(level)))))
	}
	slices.SortFunc(out.levels, func(a, b levelMeans) int { return cmp.Compare(a.level, b.level) })
	return out
}

func draw(level int, rows []float64, width int, rng *rand.Rand) levelMeans {
	prompts := len(rows) / width
	total := make([]float64, width)
	for p := range prompts {
		accumulate(total, rows[p*width:])
	}
	l := levelMeans{level: level, n: int(total[0]), prompts: prompts, means: make([]float64, width-1)}
	for c := range l.means {
		l.means[c] = total[c+1] / total[0]
	}
	if prompts < 2 {
		return l
	}
	l.resamples = make([][]float64, width-1)
	for c := range l.resamples {
		l.resamples[c] = make([]float64, Resamples)
	}
	for b := range Resamples {
		clear(total)
		for range prompts - 1 {
			accumulate(total, rows[rng.IntN(prompts)*width:])
		}
		for c := range l.resamples {
			l.resamples[c][b] = total[c+1] / total[0]
		}
	}
	return l
}

func accumulate(total, row []float64) {
	row = row[:len(total)]
	for i := range total {
		total[i] += row[i]
	}
}

// at gives one level alone.
func (r resampled) at(i int) resampled { return resampled{levels: r.levels[i : i+1]} }

// mean gives a column's mean over the levels.
func (r resampled) mean(column int) Cell {
	return r.cell(func(v []float64) float64 { return v[0] }, column)
}

// difference gives the difference of two columns, of the first less the second.
func (r resampled) difference(first, second int) Cell {
	return r.cell(func(v []float64) float64 { return v[0] - v[1] }, first, second)
}

// ratio gives the first column over the second; the zero mean where the second is 0.
func (r resampled) ratio(first, second int) Cell {
	return r.cell(func(v []float64) float64 {
		if v[1] == 0 {
			return 0
		}
		return v[0] / v[1]
	}, first, second)
}

// cell computes a statistic of the means of some columns, each the unweighted mean over the levels, and its interval.
func (r resampled) cell(statistic func([]float64) float64, columns ...int) Cell {
	if len(r.levels) == 0 {
		return Cell{}
	}
	values := make([]float64, len(columns))
	over := func(mean func(l levelMeans, column int) float64) float64 {
		for i, column := range columns {
			values[i] = 0
			for _, l := range r.levels {
				values[i] += mean(l, column)
			}
			values[i] /= float64(len(r.levels))
		}
		return statistic(values)
	}
	out := Cell{HasInterval: true}
	for _, l := range r.levels {
		out.N += l.n
		out.Prompts += l.prompts
		out.HasInterval = out.HasInterval && l.resamples != nil
	}
	out.Mean = over(func(l levelMeans, column int) float64 { return l.means[column] })
	out.Low, out.High = out.Mean, out.Mean
	if !out.HasInterval {
		return out
	}
	all := make([]float64, Resamples)
	for b := range all {
		all[b] = over(func(l levelMeans, column int) float64 { return l.resamples[column][b] })
	}
	slices.Sort(all)
	out.Low, out.High = quantile(all, (1-Confidence)/2), quantile(all, (1+Confidence)/2)
	return out
}

// quantile interpolates between the two nearest of sorted values, as numpy does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
