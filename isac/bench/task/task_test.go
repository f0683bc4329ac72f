package task

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/prompt"
)

func perLevel(items []Item) map[int]int {
	n := map[int]int{}
	for _, i := range items {
		n[i.Level]++
	}
	return n
}

func prompts(items []Item) []string {
	var out []string
	for _, i := range items {
		out = append(out, i.Prompt)
	}
	return out
}

// TestPaperCounts: table 6 and the numbers in the text below it.
func TestPaperCounts(t *testing.T) {
	all := MultiClass(Options{Sample: 1})
	if got, want := perLevel(all), map[int]int{2: 154, 3: 380, 4: 616, 5: 686}; !reflect.DeepEqual(got, want) {
		t.Errorf("all subsets: %v, want %v", got, want)
	}
	// Sets of classes, not prompts: no subset may be there twice in another order.
	sets := map[string]bool{}
	for _, i := range all {
		var classes []string
		for _, w := range i.Wanted {
			classes = append(classes, w.Class)
		}
		slices.Sort(classes)
		sets[strings.Join(classes, "|")] = true
	}
	if len(sets) != 154+380+616+686 {
		t.Errorf("%d different subsets, want %d", len(sets), 154+380+616+686)
	}
	// 20 %: 25+11+50+50 at level 5 says the paper; 20 % of table 6 group by group at the others.
	sampled := MultiClass(Options{})
	if got, want := perLevel(sampled), map[int]int{2: 7 + 6 + 9 + 9, 3: 17 + 11 + 24 + 24, 4: 25 + 14 + 42 + 42, 5: 136}; !reflect.DeepEqual(got, want) {
		t.Errorf("sampled: %v, want %v", got, want)
	}
	groups := map[string]int{}
	for _, i := range sampled {
		for _, g := range PaperGroups() {
			if i.Level == 5 && slices.Contains(g.Classes, i.Wanted[0].Class) {
				groups[g.Name]++
			}
		}
	}
	if want := map[string]int{"animal": 25, "vehicle": 11, "sports": 50, "food": 50}; !reflect.DeepEqual(groups, want) {
		t.Errorf("level 5 by group: %v, want %v", groups, want)
	}
	if got, want := perLevel(MultiInstance(Options{})), map[int]int{2: 37, 3: 37, 4: 37, 5: 37}; !reflect.DeepEqual(got, want) {
		t.Errorf("multi-instance: %v, want %v", got, want)
	}
	if got, want := perLevel(Single(Options{})), map[int]int{1: 37}; !reflect.DeepEqual(got, want) {
		t.Errorf("single: %v, want %v", got, want)
	}
	// 154 pairs of classes, n−1 ways to divide n.
	if got, want := perLevel(Mixed(Options{Sample: 1})), map[int]int{3: 308, 4: 462, 5: 616}; !reflect.DeepEqual(got, want) {
		t.Errorf("mixed: %v, want %v", got, want)
	}
}

// TestReadBack: every prompt that can be made says to package prompt what its item wants, without a note.
func TestReadBack(t *testing.T) {
	for name, items := range map[string][]Item{
		"multi-class":    MultiClass(Options{Sample: 1}),
		"multi-instance": MultiInstance(Options{Levels: []int{2, 3, 4, 5, 6, 7, 8, 9, 10}}),
		"mixed":          Mixed(Options{Sample: 1}),
		"single":         Single(Options{}),
	} {
		for _, i := range items {
			p := prompt.Parse(i.Prompt)
			var got []score.Wanted
			total := 0
			for _, ph := range p.Phrases {
				got = append(got, score.Wanted{Class: ph.Class, Count: ph.Count})
				total += ph.Count
			}
			if !slices.Equal(got, i.Wanted) || len(p.Notes) > 0 {
				t.Errorf("%s: %q is read as %v %q, want %v", name, i.Prompt, got, p.Notes, i.Wanted)
			}
			if i.Task != name || total != i.Level {
				t.Errorf("%s: %q has task %s, level %d with %d objects", name, i.Prompt, i.Task, i.Level, total)
			}
		}
	}
}

// TestWords holds the paper's own sentences, and all plurals of its classes.
func TestWords(t *testing.T) {
	w := func(class string, n int) score.Wanted { return score.Wanted{Class: class, Count: n} }
	for want, wanted := range map[string][]score.Wanted{
		"A photo of a dog, a cat, a horse, and a cow.": {w("dog", 1), w("cat", 1), w("horse", 1), w("cow", 1)},
		"A photo of an elephant and a dog.":            {w("elephant", 1), w("dog", 1)},
		"A photo of five cats.":                        {w("cat", 5)},
		"A photo of a cat.":                            {w("cat", 1)},
		"A photo of two dogs and three cats.":          {w("dog", 2), w("cat", 3)},
		"A photo of an orange and four hot dogs.":      {w("orange", 1), w("hot dog", 4)},
	} {
		if got := sentence(wanted); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	irregular := map[string]string{
		"sheep": "sheep", "skis": "skis", "bus": "buses", "sandwich": "sandwiches", "broccoli": "broccolis",
	}
	for _, g := range PaperGroups() {
		for _, c := range g.Classes {
			want := irregular[c]
			if want == "" {
				want = c + "s"
			}
			if got := plural(c); got != want {
				t.Errorf("plural of %q is %q, want %q", c, got, want)
			}
		}
	}
}

func TestDeterministicAndNested(t *testing.T) {
	for _, task := range Names() {
		if task == score.TaskNumeracy {
			continue
		}
		a, err := Make(task, Options{Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Make(task, Options{Seed: 7})
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s differs a second time", task)
		}
		byLevel := func(x, y Item) int { return x.Level - y.Level }
		if !slices.IsSortedFunc(a, byLevel) {
			t.Errorf("%s is not sorted by level", task)
		}
		more, _ := Make(task, Options{Seed: 7, Sample: 0.4})
		for _, p := range prompts(a) {
			if !slices.Contains(prompts(more), p) {
				t.Errorf("%s: %q is in a sample of 0.2 and not in one of 0.4", task, p)
			}
		}
	}
	if reflect.DeepEqual(MultiClass(Options{Seed: 1}), MultiClass(Options{Seed: 2})) {
		t.Error("two seeds sample the same")
	}
	// The order of classes is random: over all pairs about half come in the order of the group.
	first := 0
	pairs := MultiClass(Options{Sample: 1, Levels: []int{2}})
	for _, i := range pairs {
		for _, g := range PaperGroups() {
			if a, b := slices.Index(g.Classes, i.Wanted[0].Class), slices.Index(g.Classes, i.Wanted[1].Class); a >= 0 && a < b {
				first++
			}
		}
	}
	if first < 154/3 || first > 2*154/3 {
		t.Errorf("%d of 154 pairs are in the group's order", first)
	}
}

func TestRestrict(t *testing.T) {
	known := []string{"dog", "cat", "car", "banana", "unicorn"}
	got := Restrict(PaperGroups(), known)
	want := []Group{{"animal", []string{"cat", "dog"}}, {"vehicle", []string{"car"}}, {"food", []string{"banana"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !reflect.DeepEqual(Restrict(PaperGroups(), nil), PaperGroups()) {
		t.Error("detectors that know any word restrict the groups")
	}
	if n := perLevel(MultiClass(Options{Groups: got})); !reflect.DeepEqual(n, map[int]int{2: 1}) {
		t.Errorf("one pair of classes remains, got %v", n)
	}
	if n := len(MultiInstance(Options{Groups: got, Levels: []int{3}})); n != 4 {
		t.Errorf("%d multi-instance prompts of 4 classes", n)
	}
	items := []Item{{Prompt: "a", Wanted: []score.Wanted{{Class: "dog", Count: 1}}}, {Prompt: "b", Wanted: []score.Wanted{{Class: "dog", Count: 1}, {Class: "kite", Count: 1}}}}
	if got := prompts(RestrictItems(items, known)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("items kept: %v", got)
	}
	if len(RestrictItems(items, nil)) != 2 {
		t.Error("detectors that know any word restrict the items")
	}
}

func TestMakeErrors(t *testing.T) {
	for name, c := range map[string]struct {
		task string
		o    Options
		want []string
	}{
		"unknown":  {"counting", Options{}, []string{`"counting"`, "multi-class", "numeracy"}},
		"numeracy": {"numeracy", Options{}, []string{"file"}},
		"options": {"mixed", Options{Sample: 2, Levels: []int{1, 11}, Groups: []Group{{"a", []string{"cat", "cat"}}}},
			[]string{"sample is 2", "level is 1,", "level is 11", `class "cat"`}},
		"empty":      {"multi-class", Options{Groups: []Group{{"a", []string{"cat"}}}}, []string{"no prompt", "a (cat)"}},
		"unreadable": {"multi-instance", Options{Groups: []Group{{"a", []string{"dogs"}}}}, []string{"A photo of two dogs.", "leave its classes out"}},
	} {
		_, err := Make(c.task, c.o)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
	}
}
