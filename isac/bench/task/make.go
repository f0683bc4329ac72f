package task

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// MultiClass gives prompts for k different things of one kind, "A photo of a dog, a cat, a horse, and a cow." (B.3). At level k a
// group of m classes has C(m,k) subsets: 154, 380, 616 and 686 of the paper's groups together for k = 2..5 (table 6). Of those a
// part is sampled, the paper's 20 % group by group to the nearest whole number, at least one: 25 + 11 + 50 + 50 = 136 at level 5,
// as the paper says, and 31, 76 and 123 at levels 2 to 4. The paper makes 10 pictures of each. A subset has one prompt, its
// classes in random order, since models favour what is named first.
func MultiClass(o Options) []Item {
	o = o.filled()
	var items []Item
	for _, g := range o.Groups {
		for _, k := range o.Levels {
			var all [][]score.Wanted
			subsets(g.Classes, k, func(classes []string) {
				wanted := make([]score.Wanted, k)
				for i, c := range classes {
					wanted[i] = score.Wanted{Class: c, Count: 1}
				}
				all = append(all, wanted)
			})
			items = append(items, o.sample(score.TaskMultiClass, k, all)...)
		}
	}
	return sorted(items)
}

// Mixed gives prompts for two things of one kind in numbers that together make the level n, "A photo of two dogs and three cats.".
// All pairs of classes of a group and all ways to divide n ≥ 3 objects between them are sampled as in MultiClass. The paper has no
// such task; T2I-CompBench++'s numeracy has.
func Mixed(o Options) []Item {
	o = o.filled()
	var items []Item
	for _, g := range o.Groups {
		for _, n := range o.Levels {
			var all [][]score.Wanted
			if n < 3 {
				continue // one and one: that is multi-class
			}
			subsets(g.Classes, 2, func(classes []string) {
				for first := 1; first < n; first++ {
					all = append(all, []score.Wanted{{Class: classes[0], Count: first}, {Class: classes[1], Count: n - first}})
				}
			})
			items = append(items, o.sample(score.TaskMixed, n, all)...)
		}
	}
	return sorted(items)
}

// MultiInstance gives prompts for n of the same thing, "A photo of five cats.", for every class (B.3): 37 at each level of the
// paper's groups.
func MultiInstance(o Options) []Item {
	o = o.filled()
	var items []Item
	for _, n := range o.Levels {
		items = append(items, o.each(score.TaskMultiInstance, n)...)
	}
	return sorted(items)
}

// Single gives "A photo of a cat." for every class. It judges the model and the detectors, not guidance: what fails here cannot be
// expected of two.
func Single(o Options) []Item {
	return sorted(o.filled().each(score.TaskSingle, 1))
}

// each gives a prompt for n of every class.
func (o Options) each(task string, n int) []Item {
	var items []Item
	for _, g := range o.Groups {
		for _, c := range g.Classes {
			items = append(items, newItem(task, n, []score.Wanted{{Class: c, Count: n}}))
		}
	}
	return items
}

// sample takes the options' part of all wishes, those with the lowest hashes, and makes their prompts.
func (o Options) sample(task string, level int, all [][]score.Wanted) []Item {
	if len(all) == 0 {
		return nil
	}
	n := min(max(1, int(math.Round(o.Sample*float64(len(all))))), len(all))
	seed := strconv.FormatUint(o.Seed, 10)
	type candidate struct {
		hash   uint64
		name   string
		wanted []score.Wanted
	}
	candidates := make([]candidate, len(all))
	for i, wanted := range all {
		name := sentence(wanted)
		candidates[i] = candidate{hash("sample", seed, name), name, wanted}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), strings.Compare(a.name, b.name))
	})
	items := make([]Item, n)
	for i, c := range candidates[:n] {
		slices.SortFunc(c.wanted, func(a, b score.Wanted) int {
			return cmp.Compare(hash("order", seed, c.name, a.Class), hash("order", seed, c.name, b.Class))
		})
		items[i] = newItem(task, level, c.wanted)
	}
	return items
}

func newItem(task string, level int, wanted []score.Wanted) Item {
	return Item{Task: task, Level: level, Prompt: sentence(wanted), Wanted: wanted}
}

// subsets calls fn with every subset of k classes, in the order of the classes. The slice is fn's to read until it returns.
func subsets(classes []string, k int, fn func([]string)) {
	picked := make([]string, 0, k)
	var from func(i int)
	from = func(i int) {
		if len(picked) == k {
			fn(picked)
			return
		}
		for ; i <= len(classes)-(k-len(picked)); i++ {
			picked = append(picked, classes[i])
			from(i + 1)
			picked = picked[:len(picked)-1]
		}
	}
	from(0)
}
