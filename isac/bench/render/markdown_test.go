package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// cell is a mean with its interval, of 80 pictures of 20 prompts.
func cell(mean, low, high float64) score.Cell {
	return score.Cell{Mean: mean, Low: low, High: high, N: 80, Prompts: 20, HasInterval: true}
}

// alone is a mean without an interval.
func alone(mean float64) score.Cell {
	return score.Cell{Mean: mean, Low: mean, High: mean, N: 4, Prompts: 1}
}

func ratioBlock(mean float64) score.Block {
	return score.Block{Scores: map[score.Metric]score.Cell{score.MetricRatio: cell(mean, mean-0.05, mean+0.05)}}
}

// handSummary is small enough to write its tables by hand: two tasks and a numeracy file, "isac:a_b" lacks the second task.
func handSummary() score.Summary {
	all := func(ratio, present, exact, over, fused, found score.Cell) map[score.Metric]score.Cell {
		return map[score.Metric]score.Cell{score.MetricRatio: ratio, score.MetricAllPresent: present, score.MetricExact: exact,
			score.MetricOver: over, score.MetricFused: fused, score.MetricFound: found}
	}
	base := score.Row{Method: "none", Levels: []score.Block{ratioBlock(0.3), ratioBlock(0.025)}, Average: score.Block{
		Scores: all(cell(0.1625, 0.12, 0.2051), cell(0, 0, 0), cell(0.05, 0.01, 0.1), cell(0.25, 0.2, 0.3), cell(0.999, 0.99, 1), cell(1.234, 1.2, 1.3)),
	}}
	guided := score.Row{Method: "isac:a_b", Levels: []score.Block{ratioBlock(0.66), ratioBlock(0.335)}, Average: score.Block{
		Scores: all(cell(0.4975, 0.45, 0.54), cell(0.1, 0.05, 0.15), cell(0.05, 0.01, 0.1), cell(0.2, 0.1, 0.3), cell(0.5, 0.4, 0.6), cell(1.5, 1.4, 1.6)),
		Difference: all(cell(0.335, 0.301, 0.3695), cell(0.1, 0, 0.2), cell(0, -0.05, 0.0504), cell(-0.05, -0.1, -0.0004),
			cell(-0.499, -0.59, -0.4), cell(0.266, 0.2, 0.33)),
	}}
	counted := all(alone(0.5), alone(1), alone(0), alone(0), alone(0), alone(2))
	counted[score.MetricCompBench] = alone(0.465)
	return score.Summary{
		Base: "none", Split: "report", Methods: []string{"none", "isac:a_b"}, Detectors: []string{"heatmap", "segments"}, Pairs: 81, LeftOut: 1,
		Tasks: []score.TaskSummary{
			{Task: score.TaskMultiClass, Levels: []int{2, 3}, ByLevel: true, Pairs: 80, Rows: []score.Row{base, guided}},
			{Task: score.TaskNumeracy, Levels: []int{3, 7}, Pairs: 1, Rows: []score.Row{{Method: "none", Levels: []score.Block{{}, {}}, Average: score.Block{Scores: counted}}}},
		},
		Costs: []score.MethodCost{
			{Method: "none", Cost: score.Cost{Seconds: cell(0.876, 0.87, 0.88), SecondsRatio: alone(1), PeakBytes: 612_400_000, BasePeakBytes: 612_400_000}},
			{Method: "isac:a_b", Cost: score.Cost{Seconds: cell(12.4, 9.96, 13), SecondsRatio: cell(14.155, 14, 14.4), PeakBytes: 9_700_000_000, BasePeakBytes: 612_400_000}},
		},
		Notes: []string{"numeracy: one prompt only, so there is no interval"},
	}
}

func TestMarkdownIsAsWrittenByHand(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Markdown(&got, handSummary()); err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestMarkdownWithoutAPairSaysSo(t *testing.T) {
	var got bytes.Buffer
	if err := Markdown(&got, score.Summary{Base: "none", Split: "select", LeftOut: 3}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got.Bytes(), []byte("no pair yet")) {
		t.Errorf("got %s", got.String())
	}
}

func TestNumbersAsText(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{fixed(-0.04, 1), "0.0"}, {fixed(-0.05001, 1), "−0.1"}, {fixed(12.5, 2), "12.50"},
		{fixed(2.5, 0), "3"}, {fixed(-2.5, 0), "−3"}, {fixed(100*0.625, 0), "63"}, {fixed(100*0.145, 0), "15"}, // 100·0.145 is a hair below 14.5
		{signed(0.04, 1), "0.0"}, {signed(3, 1), "+3.0"}, {signed(-3, 0), "−3"},
		{seconds(0.944), "0.94"}, {seconds(0.96), "1.0"}, {seconds(9.94), "9.9"}, {seconds(9.96), "10"}, {seconds(101.4), "101"},
		{memory(0), "–"}, {memory(934e6), "934 MB"}, {memory(999.6e6), "1.0 GB"}, {memory(29.8e9), "29.8 GB"}, {memory(100e9), "100 GB"},
		{plain("a|b_c*d"), `a\|b\_c\*d`}, {shorten("abcdefghij", 5), "ab…ij"}, {shorten("abc", 3), "abc"},
		{taskTitle("multi-class"), "Multi-class"}, {percent(score.Cell{}, 0, true), "–"}, {difference(score.Cell{}, score.MetricRatio), "–"},
		{difference(alone(0.2), score.MetricRatio), "+20.0"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestRelationsAreAsWrittenByHand(t *testing.T) {
	s := handSummary()
	s.Methods = append(s.Methods, "random")
	s.Tasks[0].Relations = []score.Relation{
		{Loss: "ins", Run: "random", Missed: []score.StepCell{{Step: 0, Cell: cell(0.123, -0.01, 0.25)}, {Step: 9, Cell: cell(0.5, 0.4, 0.6)}},
			Removed: map[string]score.Cell{"isac:a_b": cell(-0.004, -0.1, 0.1)}},
		{Loss: "cls", Run: "random", Missed: []score.StepCell{{Step: 9, Cell: alone(0.2)}}},
	}
	var got bytes.Buffer
	relations(&got, s)
	text := got.String()
	const want = `| | overlap ↔ missed | isac:a\_b: removed ↔ gained |
|:---|---:|---:|
| multi-class, L\_ins, step 0 | +0.12 (−0.01 to +0.25) |  |
| multi-class, L\_ins, step 9 | **+0.50 (+0.40 to +0.60)** | 0.00 (−0.10 to +0.10) |
| multi-class, L\_cls, step 9 | +0.20 |  |
`
	if !strings.HasSuffix(text, strings.Replace(want, "| |", "|  |", 1)) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if !strings.Contains(text, "without guidance (random)") {
		t.Errorf("it is not said whose losses they are:\n%s", text)
	}
}

func TestSkippedMark(t *testing.T) {
	for share, want := range map[float64]string{0: "", 0.0004: " (under 0.1 % of its steps skipped)", 0.25: " (25.0 % of its steps skipped)"} {
		if got := skippedMark(share); got != want {
			t.Errorf("%v: %q, expected %q", share, got, want)
		}
	}
	s := handSummary()
	s.Skipped = map[string]float64{s.Methods[1]: 0.25}
	var b strings.Builder
	if err := Markdown(&b, s); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "(25.0 % of its steps skipped)"); n != 1 {
		t.Errorf("%d rows are marked, expected one", n)
	}
}

// TestEvaluationsAreTold holds that the table of costs has model evaluations where they were counted, and says of whom they were not.
func TestEvaluationsAreTold(t *testing.T) {
	s := handSummary()
	s.Costs[0].Evaluations, s.Costs[0].BaseEvaluations = 40, 40
	s.Costs[1].Evaluations, s.Costs[1].BaseEvaluations, s.Costs[1].Gradients = 60.25, 40, 20
	s.Costs = append(s.Costs, score.MethodCost{Method: "old", Cost: s.Costs[1].Cost})
	s.Costs[2].Evaluations, s.Costs[2].Gradients = 0, 0
	var b bytes.Buffer
	if err := Markdown(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| method | model evaluations | × none | with gradient | s/image |", "| none | 40 | 1 | 0 | 0.88", "| isac:a\\_b | 60.3 | 1.51 | 20 | 12", "| old | – | – | – | 12",
		"A model evaluation is one image under one conditioning",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
