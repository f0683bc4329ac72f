package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Markdown writes a summary as tables: first one in the shape of the paper's Table 1 (accuracy in percent by task and count, seconds
// and memory an image), then for each task every score and its paired difference to the base, then whether the losses have to do with
// the outcome, where that is known, then the cost against the base's. Intervals are in parentheses; differences whose interval excludes 0 are bold.
func Markdown(w io.Writer, s score.Summary) error {
	var b bytes.Buffer
	b.WriteString("## Accuracy\n\n")
	fmt.Fprintf(&b, "%s\n\n", about(s))
	if len(s.Tasks) == 0 {
		b.WriteString("There is no pair yet that all methods have: the bench has to run further.\n")
		_, err := b.WriteTo(w)
		return err
	}
	mainTable(s).write(&b)
	for _, t := range s.Tasks {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", taskTitle(t.Task), aboutTask(t))
		taskTable(t, s.Base).write(&b)
	}
	relations(&b, s)
	fmt.Fprintf(&b, "\n## Cost\n\n%s\n\n", aboutCost(s))
	costTable(s).write(&b)
	if len(s.Notes) > 0 {
		b.WriteString("\nNotes:\n\n")
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "- %s\n", plain(n))
		}
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("render: cannot write the tables: %w", err)
	}
	return nil
}

// about says what the main table's numbers are and rest on.
func about(s score.Summary) string {
	text := fmt.Sprintf("Split “%s”, %s of prompt and seed, each made by all methods from the same noise.", s.Split, count(s.Pairs, "pair"))
	if s.LeftOut > 0 {
		text += fmt.Sprintf(" Left out: %s that some method lacks.", count(s.LeftOut, "pair"))
	}
	if len(s.Detectors) == 1 {
		text += fmt.Sprintf(" Judged by %s alone.", s.Detectors[0])
	} else if len(s.Detectors) > 1 {
		text += fmt.Sprintf(" An object counts when two of %s agree.", strings.Join(s.Detectors, ", "))
	}
	return plain(text) + " Accuracy is found of wanted in percent" +
		numeracyNote(s) + "; in parentheses the 95 % interval of a bootstrap over prompts."
}

func numeracyNote(s score.Summary) string {
	if s.Task(score.TaskNumeracy) == nil {
		return ""
	}
	return " (numeracy: T2I-CompBench++'s score)"
}

func aboutTask(t score.TaskSummary) string {
	text := count(t.Pairs, "pair")
	if len(t.Rows) > 0 {
		text += " of " + count(t.Rows[0].Average.Scores[score.MetricRatio].Prompts, "prompt")
	}
	switch {
	case !t.ByLevel:
		text += ", mean over all pictures"
	case len(t.Levels) > 1:
		text += ", mean of the levels"
	}
	return text + ", in percent; differences in percentage points. ↑ more is better, ↓ less is better."
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// table is a Markdown table; all columns but the first are right-aligned.
type table struct {
	head []string
	rows [][]string
}

func (t table) write(b *bytes.Buffer) {
	line := func(cells []string) {
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	line(t.head)
	marks := make([]string, len(t.head))
	for i := range marks {
		marks[i] = "---:"
	}
	marks[0] = ":---"
	b.WriteString("|" + strings.Join(marks, "|") + "|\n")
	for _, r := range t.rows {
		line(r)
	}
}

// mainTable is the paper's Table 1.
func mainTable(s score.Summary) table {
	t := table{head: []string{"method"}}
	for _, task := range s.Tasks {
		for i, c := range categories(task) {
			label := c.label
			if i == 0 && !task.ByLevel {
				label = task.Task
			} else if i == 0 {
				label = task.Task + " " + c.label
			}
			t.head = append(t.head, label)
		}
	}
	t.head = append(t.head, "s/image", "memory")
	for _, m := range s.Methods {
		cells := []string{plain(m) + skippedMark(s.Skipped[m])}
		for _, task := range s.Tasks {
			row := task.Row(m)
			all := categories(task)
			for i, c := range all {
				if row == nil {
					cells = append(cells, "–")
					continue
				}
				cell := c.block(*row).Scores[headline(task.Task)]
				cells = append(cells, percent(cell, 0, i == len(all)-1))
			}
		}
		if cost := s.Cost(m); cost != nil {
			cells = append(cells, seconds(cost.Seconds.Mean), memory(cost.PeakBytes))
		} else {
			cells = append(cells, "–", "–")
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

// skippedMark says beside a method's name how many of the steps that it was to guide it left out.
func skippedMark(share float64) string {
	switch {
	case share == 0:
		return ""
	case share < 0.001:
		return " (under 0.1 % of its steps skipped)"
	}
	return fmt.Sprintf(" (%.1f %% of its steps skipped)", 100*share)
}

// headline is the score that a task is known by: the paper's accuracy, and for numeracy the benchmark's own score.
func headline(task string) score.Metric {
	if task == score.TaskNumeracy {
		return score.MetricCompBench
	}
	return score.MetricRatio
}

// taskTable has every score of every method in one task, and below each method its difference to the base.
func taskTable(task score.TaskSummary, base string) table {
	t := table{head: []string{""}}
	metrics := score.MetricsOf(task.Task)
	for _, m := range metrics {
		arrow := map[int]string{1: " ↑", -1: " ↓"}[m.Better()]
		t.head = append(t.head, strings.ToLower(metricTitle(m))+arrow)
	}
	for _, row := range task.Rows {
		cells := []string{plain(row.Method)}
		for _, m := range metrics {
			cell := row.Average.Scores[m]
			if m.IsShare() {
				cells = append(cells, percent(cell, 1, true))
			} else {
				cells = append(cells, number(cell))
			}
		}
		t.rows = append(t.rows, cells)
		if row.Average.Difference == nil {
			continue
		}
		cells = []string{plain(row.Method) + " − " + plain(base)}
		for _, m := range metrics {
			cells = append(cells, difference(row.Average.Difference[m], m))
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

// costTable has the model evaluations, where they were counted, the time and the memory of each method and their ratios to the base.
func costTable(s score.Summary) table {
	over := "× " + plain(s.Base)
	t := table{head: []string{"method"}}
	counted := slices.ContainsFunc(s.Costs, func(c score.MethodCost) bool { return c.Evaluations > 0 })
	if counted {
		t.head = append(t.head, "model evaluations", over, "with gradient")
	}
	t.head = append(t.head, "s/image", over, "peak memory", over)
	for _, c := range s.Costs {
		base := c.Method == s.Base
		row := []string{plain(c.Method)}
		switch {
		case counted && c.Evaluations > 0:
			row = append(row, evaluations(c.Evaluations), times(c.EvaluationsRatio(), base), evaluations(c.Gradients))
		case counted:
			row = append(row, "–", "–", "–")
		}
		t.rows = append(t.rows, append(row, withInterval(c.Seconds, seconds), ratio(c.SecondsRatio, base), memory(c.PeakBytes), times(c.PeakRatio(), base)))
	}
	return t
}

// aboutCost says what the cost's numbers are.
func aboutCost(s score.Summary) string {
	text := fmt.Sprintf("Mean over all compared pairs, × is the ratio to %s on the same pairs.", plain(s.Base))
	if slices.ContainsFunc(s.Costs, func(c score.MethodCost) bool { return c.Evaluations > 0 }) {
		text += " A model evaluation is one image under one conditioning: a plain step has two, with classifier-free guidance; those with a gradient take a backward pass beside."
	}
	return text
}
