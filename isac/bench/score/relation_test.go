package score

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
)

// related is a bench in which loss[i] was seen at steps 0 and 1 of a run without guidance of prompt i, which found found[i] of 4.
func related(level int, loss []float64, found []int, guided func(i int) (loss float64, found int)) []Record {
	var out []Record
	for i := range loss {
		prompt := fmt.Sprintf("%d-%d", level, i)
		none := picture(TaskMultiInstance, level, prompt, 1, "none", 4, found[i])
		random := picture(TaskMultiInstance, level, prompt, 1, "random:typed", 4, found[i])
		random.Options = &methods.Chosen{Method: isac.Options{Options: guidance.Options{Direction: guidance.DirectionRandom}}}
		random.Losses = []StepLoss{{Step: 0, Instance: loss[i]}, {Step: 1, Instance: -loss[i]}}
		l, n := guided(i)
		isac := picture(TaskMultiInstance, level, prompt, 1, "isac", 4, n)
		isac.Losses = []StepLoss{{Step: 0, Instance: loss[i]}, {Step: 1, Instance: -loss[i] - l}}
		out = append(out, none, random, isac)
	}
	return out
}

func TestRelationByHand(t *testing.T) {
	// Losses 1 to 4; 0, 2, 2, 4 of 4 are missed: r = 1.5/√(5·0.5) = 0.9487. Guidance takes i off the loss of prompt i and adds an
	// object to every second one: gains 0, ¼, 0, ¼ and removals 0, 1, 2, 3: r = 0.25/√(5·0.0625) = 0.4472.
	records := related(4, []float64{1, 2, 3, 4}, []int{4, 2, 2, 0}, func(i int) (float64, int) { return float64(i), []int{4, 3, 2, 1}[i] })
	s := summarise(t, records)
	got := s.Tasks[0].Relations
	if len(got) != 1 { // L_cls is 0 everywhere
		t.Fatalf("%+v", got)
	}
	r := got[0]
	if r.Loss != "ins" || r.Run != "random:typed" || len(r.Missed) != 2 || r.Missed[0].Step != 0 || r.Missed[1].Step != 1 {
		t.Fatalf("%+v", r)
	}
	for what, pair := range map[string][2]float64{
		"missed, step 0": {r.Missed[0].Mean, 1.5 / math.Sqrt(5*0.5)}, "missed, step 1": {r.Missed[1].Mean, -1.5 / math.Sqrt(5*0.5)},
		"removed": {r.Removed["isac"].Mean, 0.25 / math.Sqrt(5*0.0625)},
	} {
		if !near(pair[0], pair[1], 1e-12) {
			t.Errorf("%s: %v, expected %v", what, pair[0], pair[1])
		}
	}
	if c := r.Missed[0].Cell; !c.HasInterval || c.N != 4 || c.Prompts != 4 || !(c.Low <= c.Mean && c.Mean <= c.High) {
		t.Errorf("%+v", c)
	}
}

// A method of another loss takes no overlap away that could be told, and its steps are none of theirs.
func TestRelationOfAnotherLoss(t *testing.T) {
	records := related(4, []float64{1, 2, 3, 4}, []int{4, 2, 2, 0}, func(i int) (float64, int) { return float64(i), []int{4, 3, 2, 1}[i] })
	want := summarise(t, records).Tasks[0].Relations
	for i := range 4 {
		ae := picture(TaskMultiInstance, 4, fmt.Sprintf("4-%d", i), 1, "ae", 4, i)
		ae.Losses = []StepLoss{{Step: 0, Loss: 0.9}}
		records = append(records, ae)
	}
	got := summarise(t, records).Tasks[0].Relations
	if text := fmt.Sprintf("%+v", got); text != fmt.Sprintf("%+v", want) || len(got) != 1 {
		t.Errorf("beside a method of another loss the relations are %s, expected %+v", text, want)
	}
}

// More objects to ask for go with other losses and with more that is missing: that alone is no relation.
func TestRelationIsWithinLevels(t *testing.T) {
	nothing := func(int) (float64, int) { return 0, 2 }
	records := append(related(2, []float64{1, 1, 2, 2}, []int{4, 3, 4, 3}, nothing), related(5, []float64{11, 11, 12, 12}, []int{1, 0, 1, 0}, nothing)...)
	r := summarise(t, records).Tasks[0].Relations[0]
	if c := r.Missed[0]; !near(c.Mean, 0, 1e-12) {
		t.Errorf("%+v", c)
	}
	if _, ok := r.Removed["isac"]; ok {
		t.Error("nothing was removed, and there is a correlation with it")
	}
}

// Without a run that stands for an unguided one nothing is said; a base that was measured goes before a control; what is said is JSON.
func TestRelationNeedsAnUnguidedRun(t *testing.T) {
	records := related(4, []float64{1, 2, 3, 4}, []int{4, 2, 2, 0}, func(int) (float64, int) { return 0, 2 })
	var without []Record
	for _, r := range records {
		if r.Method != "random:typed" {
			without = append(without, r)
		}
	}
	if got := summarise(t, without).Tasks[0].Relations; got != nil {
		t.Errorf("%+v", got)
	}
	for i := range records {
		if records[i].Method == "none" {
			records[i].Losses = []StepLoss{{Step: 0, Instance: 1, Skipped: "too few pixels"}, {Step: 1, Instance: float64(i)}}
		}
	}
	s := summarise(t, records)
	if r := s.Tasks[0].Relations[0]; r.Run != "none" || len(r.Missed) != 1 || r.Missed[0].Step != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}
