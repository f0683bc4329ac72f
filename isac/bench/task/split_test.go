package task

import (
	"reflect"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

func everything(t *testing.T) []Item {
	t.Helper()
	var items []Item
	for _, name := range Names() {
		if name == score.TaskNumeracy {
			continue
		}
		some, err := Make(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, some...)
	}
	return items
}

func split(t *testing.T, items []Item, name string) []Item {
	t.Helper()
	out, err := Split(items, name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSplit(t *testing.T) {
	items := everything(t)
	chosen, reported := split(t, items, "select"), split(t, items, "report")
	if len(chosen)+len(reported) != len(items) {
		t.Errorf("%d + %d items of %d", len(chosen), len(reported), len(items))
	}
	for _, p := range prompts(chosen) {
		if slices.Contains(prompts(reported), p) {
			t.Errorf("%q is in both splits", p)
		}
	}
	// A quarter of every task and level: 37 single and multi-instance prompts at each level; 31, 76, 123, 136 multi-class; 20 % of
	// 308, 462, 616 mixed by group: 14+11+18+18 = 61, 22+17+27+27 = 93, 29+22+36+36 = 123.
	want := map[stratum]int{
		{"single", 1}: 9, {"multi-instance", 2}: 9, {"multi-instance", 3}: 9, {"multi-instance", 4}: 9, {"multi-instance", 5}: 9,
		{"multi-class", 2}: 8, {"multi-class", 3}: 19, {"multi-class", 4}: 31, {"multi-class", 5}: 34,
		{"mixed", 3}: 15, {"mixed", 4}: 23, {"mixed", 5}: 31,
	}
	got := map[stratum]int{}
	for _, i := range chosen {
		got[stratum{i.Task, i.Level}]++
		if i.Split != "select" {
			t.Errorf("%q is of split %q", i.Prompt, i.Split)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("select has %v, want %v", got, want)
	}
	// The order of items does not matter.
	slices.Reverse(items)
	if !reflect.DeepEqual(split(t, items, "select"), chosen) {
		t.Error("items in another order are split differently")
	}
	if _, err := Split(items, "test"); err == nil {
		t.Error("an unknown split is no error")
	}
	one := []Item{{Task: "single", Level: 1, Prompt: "A photo of a cat."}}
	if len(split(t, one, "select")) != 0 || len(split(t, one, "report")) != 1 {
		t.Error("a single prompt must be reported on")
	}
}

// TestHashForEver holds splits and seeds to numbers that were computed apart (Python's hashlib): results of years must fit together.
func TestHashForEver(t *testing.T) {
	animals := Single(Options{Groups: PaperGroups()[:1]})
	if got, want := prompts(split(t, animals, "select")), []string{"A photo of a horse.", "A photo of a sheep."}; !slices.Equal(got, want) {
		t.Errorf("select has %q, want %q", got, want)
	}
	for prompt, want := range map[string][]uint64{
		"A photo of five cats.":             {1813225150, 3694130450, 92655482},
		"A photo of an elephant and a dog.": {724721630, 3811799632, 362337926},
	} {
		if got := seedsOf(prompt, "select", 3); !slices.Equal(got, want) {
			t.Errorf("%q: seeds %v, want %v", prompt, got, want)
		}
		for i := range want {
			want[i]++
		}
		if got := seedsOf(prompt, "report", 3); !slices.Equal(got, want) {
			t.Errorf("%q: seeds to report %v, want %v", prompt, got, want)
		}
	}
}

func TestPairs(t *testing.T) {
	items := everything(t)
	reported := split(t, items, "report")
	pairs := Pairs(reported, "report", 0, 3)
	if len(pairs) != 3*len(reported) {
		t.Fatalf("%d pairs of %d prompts and 3 seeds", len(pairs), len(reported))
	}
	if !reflect.DeepEqual(pairs, Pairs(items, "report", 0, 3)) {
		t.Error("items that are not yet split give other pairs")
	}
	if !reflect.DeepEqual(pairs, Pairs(append(slices.Clone(reported), split(t, items, "select")...), "report", 0, 3)) {
		t.Error("items of the other split are not left out")
	}
	// Seeds outermost, every prompt once a round in the same order, seeds of a prompt different.
	seeds := map[string]map[uint64]bool{}
	for i, p := range pairs {
		if p.Prompt != pairs[i%len(reported)].Prompt {
			t.Fatalf("pair %d is of %q, the round before had %q", i, p.Prompt, pairs[i%len(reported)].Prompt)
		}
		if p.Split != "report" || p.Seed%2 != 1 {
			t.Errorf("pair %d has split %q, seed %d", i, p.Split, p.Seed)
		}
		if seeds[p.Prompt] == nil {
			seeds[p.Prompt] = map[uint64]bool{}
		}
		seeds[p.Prompt][p.Seed] = true
	}
	for prompt, s := range seeds {
		if len(s) != 3 {
			t.Errorf("%q has %d different seeds of 3", prompt, len(s))
		}
	}
	for _, p := range Pairs(items, "select", 0, 3) {
		if p.Seed%2 != 0 {
			t.Errorf("seed %d to select is odd", p.Seed)
		}
	}
	// Cut short after a tenth of the first round, all tasks and levels are there in proportion.
	whole, part := map[stratum]int{}, map[stratum]int{}
	tenth := len(reported) / 10
	for i, p := range pairs[:len(reported)] {
		whole[stratum{p.Task, p.Level}]++
		if i < tenth {
			part[stratum{p.Task, p.Level}]++
		}
	}
	for s, n := range whole {
		if d := float64(part[s]) - float64(n)/10; d < -1 || d > 1 {
			t.Errorf("%v: %d of %d prompts within the first tenth", s, part[s], n)
		}
	}
}

func TestPairsLimit(t *testing.T) {
	items := everything(t)
	key := func(p Pair) string { return score.Record{Task: p.Task, Prompt: p.Prompt, Seed: p.Seed}.Key() }
	few, many := Pairs(items, "report", 10, 2), Pairs(items, "report", 40, 4)
	levels := map[stratum]int{}
	for _, p := range few[:len(few)/2] {
		levels[stratum{p.Task, p.Level}]++
	}
	want := map[stratum]int{
		{"single", 1}: 10, {"multi-instance", 2}: 3, {"multi-instance", 3}: 3, {"multi-instance", 4}: 2, {"multi-instance", 5}: 2,
		{"multi-class", 2}: 3, {"multi-class", 3}: 3, {"multi-class", 4}: 2, {"multi-class", 5}: 2,
		{"mixed", 3}: 4, {"mixed", 4}: 3, {"mixed", 5}: 3,
	}
	if !reflect.DeepEqual(levels, want) {
		t.Errorf("ten prompts a task are %v, want %v", levels, want)
	}
	held := map[string]bool{}
	for _, p := range many {
		held[key(p)] = true
	}
	for _, p := range few {
		if !held[key(p)] {
			t.Errorf("%s is in the small run and not in the large one", key(p))
		}
	}
	if n := len(Pairs(items, "report", 10, 0)); n != 0 {
		t.Errorf("no seeds give %d pairs", n)
	}
}
