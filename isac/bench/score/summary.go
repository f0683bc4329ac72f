package score

import "slices"

// The tasks, in the order in which tables show them.
const (
	TaskSingle        = "single"         // "A photo of a cat."
	TaskMultiClass    = "multi-class"    // "A photo of a dog, a cat, and a cow."
	TaskMultiInstance = "multi-instance" // "A photo of five cats."
	TaskMixed         = "mixed"          // "A photo of two dogs and three cats."
	TaskNumeracy      = "numeracy"       // prompts of a file, as of T2I-CompBench++
)

// Tasks gives the names of all tasks in the order in which tables show them.
func Tasks() []string {
	return []string{TaskSingle, TaskMultiClass, TaskMultiInstance, TaskMixed, TaskNumeracy}
}

// Metric names one of the numbers of Scores.
type Metric string

// The metrics. Yes-or-no scores become shares of pictures, 0..1.
const (
	MetricRatio      Metric = "ratio"       // the paper's accuracy, 0..1
	MetricAllPresent Metric = "all-present" // share of pictures that hold at least what was asked for
	MetricExact      Metric = "exact"       // share of pictures that hold exactly what was asked for
	MetricOver       Metric = "over"        // share of pictures that hold something too much; less is better
	MetricFused      Metric = "fused"       // share of pictures with a merged or hybrid object; less is better
	MetricFound      Metric = "found"       // objects of wanted classes in a picture, a number and no share
	MetricCompBench  Metric = "compbench"   // T2I-CompBench++'s numeracy score, 0..1; for task numeracy alone
)

// Metrics gives the metrics that every task has, in the order in which tables show them.
func Metrics() []Metric {
	return []Metric{MetricRatio, MetricAllPresent, MetricExact, MetricOver, MetricFused, MetricFound}
}

// MetricsOf gives the metrics of a task, in the order in which tables show them: Metrics, and compbench for numeracy.
func MetricsOf(task string) []Metric {
	if task == TaskNumeracy {
		return append(Metrics(), MetricCompBench)
	}
	return Metrics()
}

// IsShare tells whether a metric lies in 0..1, so that tables print it as a percentage and differences as points.
func (m Metric) IsShare() bool { return m != MetricFound }

// Better is +1 where more is better, −1 where less is, and 0 where neither is (found: more than asked for is no gain).
func (m Metric) Better() int {
	switch m {
	case MetricOver, MetricFused:
		return -1
	case MetricFound:
		return 0
	}
	return 1
}

// Cell is a mean and how sure it is.
type Cell struct {
	Mean float64 `json:"mean"`
	// Low and High are the 95 % interval of the cluster bootstrap over prompts. Both are Mean where HasInterval is false.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// N is the number of pictures (of pairs, for a difference) that the mean is over, Prompts the number of different prompts
	// among them: what the interval rests on.
	N       int `json:"n"`
	Prompts int `json:"prompts"`
	// HasInterval is false where some level has a single prompt, from which nothing can be said about other prompts. Print the
	// mean alone then.
	HasInterval bool `json:"has_interval"`
}

// Clear tells whether a difference is clear of zero: it has an interval and 0 lies outside.
func (c Cell) Clear() bool { return c.HasInterval && (c.Low > 0 || c.High < 0) }

// Block holds the scores of one method at one level (or on average over the levels) of a task.
type Block struct {
	// Scores has every metric of MetricsOf(task).
	Scores map[Metric]Cell `json:"scores"`
	// Difference is method − base over the same pairs, for every metric; nil for the base itself.
	Difference map[Metric]Cell `json:"difference,omitempty"`
}

// Cost is what a method takes.
type Cost struct {
	// Seconds is the mean time of a picture.
	Seconds Cell `json:"seconds"`
	// SecondsRatio is the mean time divided by the base's over the same pairs (1 for the base); its Mean is 0 where the base
	// took no measurable time.
	SecondsRatio Cell `json:"seconds_ratio"`
	// PeakBytes is the largest peak of a picture, BasePeakBytes the base's over the same pairs; 0 where not measured.
	PeakBytes     int64 `json:"peak_bytes"`
	BasePeakBytes int64 `json:"base_peak_bytes"`
	// Evaluations is the mean number of a picture's model evaluations (Record.Evaluations), BaseEvaluations the base's over the same pairs,
	// Gradients how many of them were for a gradient. All are 0 where some record does not tell.
	Evaluations     float64 `json:"evaluations,omitempty"`
	BaseEvaluations float64 `json:"base_evaluations,omitempty"`
	Gradients       float64 `json:"gradients,omitempty"`
}

// EvaluationsRatio is the number of model evaluations divided by the base's, 0 where one of them was not counted.
func (c Cost) EvaluationsRatio() float64 {
	if c.Evaluations <= 0 || c.BaseEvaluations <= 0 {
		return 0
	}
	return c.Evaluations / c.BaseEvaluations
}

// PeakRatio is the peak memory divided by the base's, 0 where one of them was not measured.
func (c Cost) PeakRatio() float64 {
	if c.PeakBytes <= 0 || c.BasePeakBytes <= 0 {
		return 0
	}
	return float64(c.PeakBytes) / float64(c.BasePeakBytes)
}

// Row is one method in the table of one task.
type Row struct {
	Method string `json:"method"`
	// Levels has one block for each of TaskSummary.Levels, in that order.
	Levels []Block `json:"levels"`
	// Average is over all levels, see TaskSummary.ByLevel.
	Average Block `json:"average"`
	Cost    Cost  `json:"cost"`
}

// TaskSummary is the table of one task.
type TaskSummary struct {
	Task string `json:"task"`
	// Levels are the paper's #k or #n that occur, ascending. For numeracy they are numbers of objects, and there are many: a
	// table shows its average only.
	Levels []int `json:"levels"`
	// ByLevel tells what the average is. True (all tasks but numeracy): the unweighted mean of the levels' means, as in the
	// paper's table. False (numeracy): the mean over all pictures.
	ByLevel bool `json:"by_level"`
	// Rows has a row for each method that this task was run with: the base first, the others sorted.
	Rows []Row `json:"rows"`
	// Pairs are compared: pairs of prompt and seed that every method of this task has a picture of. LeftOut are not: those
	// that some method lacks, because the run has not come so far.
	Pairs   int `json:"pairs"`
	LeftOut int `json:"left_out"`
	// Relations tell of each loss whether it has to do with what is missing. None where no run without guidance, or as good as
	// without, was measured.
	Relations []Relation `json:"relations,omitempty"`
}

// MethodCost is the cost of a method over all tasks.
type MethodCost struct {
	Method string `json:"method"`
	Cost
}

// Summary is what a set of records says: the content of all tables. Every number compares pictures of the same prompts and
// the same noise.
type Summary struct {
	// Base is the method that differences are against, "none".
	Base string `json:"base"`
	// Split is "select" or "report". A summary never mixes them.
	Split string `json:"split"`
	// Methods are all methods, the base first, the others sorted. A task may lack some of them.
	Methods []string `json:"methods"`
	// Detectors that judged, sorted.
	Detectors []string `json:"detectors"`
	// Tasks in the order of Tasks(), those alone that have a compared pair.
	Tasks []TaskSummary `json:"tasks"`
	// Costs, one for each of Methods that has a compared pair, in that order, over all its compared pairs of all tasks.
	Costs []MethodCost `json:"costs"`
	// Pairs and LeftOut are the sums over all tasks, also over tasks without a compared pair.
	Pairs   int `json:"pairs"`
	LeftOut int `json:"left_out"`
	// Skipped is, of each method that left steps out which it was to guide, their share of all that it looked at, 0..1: what its
	// numbers say of the method they say only in part.
	Skipped map[string]float64 `json:"skipped,omitempty"`
	// Notes are sentences that belong below the tables: what was left out and why, which intervals are missing.
	Notes []string `json:"notes,omitempty"`
}

// Task gives the table of a task, nil if the records have none.
func (s Summary) Task(name string) *TaskSummary {
	if i := slices.IndexFunc(s.Tasks, func(t TaskSummary) bool { return t.Task == name }); i >= 0 {
		return &s.Tasks[i]
	}
	return nil
}

// Row gives the row of a method, nil if the task was not run with it.
func (t TaskSummary) Row(method string) *Row {
	if i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Method == method }); i >= 0 {
		return &t.Rows[i]
	}
	return nil
}

// Cost gives the cost of a method over all tasks, nil if none of its pairs was compared.
func (s Summary) Cost(method string) *Cost {
	if i := slices.IndexFunc(s.Costs, func(c MethodCost) bool { return c.Method == method }); i >= 0 {
		return &s.Costs[i].Cost
	}
	return nil
}
