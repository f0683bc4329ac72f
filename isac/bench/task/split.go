package task

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Split gives the items of one split, "select" to choose options on or "report" to report results on. No prompt is in both: what was
// chosen because it did well on some prompts does worse on others.
//
// In each task and level prompts are ordered by a hash, and the first quarter (to the nearest whole number, at least one of two or
// more) selects. So the split of a prompt depends on its text, and near the border also on the other prompts: choose and report
// with the same groups, levels, sample and seed.
func Split(items []Item, split string) ([]Item, error) {
	if split != score.SplitSelect && split != score.SplitReport {
		return nil, fmt.Errorf("split is %q, it must be %s or %s", split, score.SplitSelect, score.SplitReport)
	}
	return splitOf(items, split), nil
}

func splitOf(items []Item, split string) []Item {
	var out []Item
	for _, s := range strata(items, "split") {
		border := int(math.Round(float64(len(s)) / 4))
		if len(s) > 1 {
			border = max(border, 1)
		}
		part := s[border:]
		if split == score.SplitSelect {
			part = s[:border]
		}
		for _, i := range part {
			i.Split = split
			out = append(out, i)
		}
	}
	return sorted(out)
}

// stratum is what tasks and levels are kept apart by.
type stratum struct {
	task  string
	level int
}

// strata sorts items into tasks and levels, ascending, each by the hash of the prompt. What the hash is for goes into it, so that two
// orders have nothing to do with each other.
func strata(items []Item, purpose string) [][]Item {
	parts := map[stratum][]Item{}
	for _, i := range items {
		key := stratum{i.Task, i.Level}
		parts[key] = append(parts[key], i)
	}
	keys := make([]stratum, 0, len(parts))
	for key, part := range parts {
		keys = append(keys, key)
		slices.SortFunc(part, func(a, b Item) int {
			return cmp.Or(cmp.Compare(hash(purpose, a.Prompt), hash(purpose, b.Prompt)), cmp.Compare(a.Prompt, b.Prompt))
		})
	}
	slices.SortFunc(keys, func(a, b stratum) int {
		return cmp.Or(cmp.Compare(rank(a.task), rank(b.task)), cmp.Compare(a.task, b.task), cmp.Compare(a.level, b.level))
	})
	out := make([][]Item, len(keys))
	for i, key := range keys {
		out[i] = parts[key]
	}
	return out
}

// Pair is a prompt and the seed of its noise: one picture of each method.
type Pair struct {
	Item
	Seed uint64
}

// Pairs gives the pairs of a split in the order in which they are to be run. Items that Split has not seen are split first; items
// of the other split are left out.
//
// prompts limits the prompts of each task, 0 takes all; they are taken level by level in turn, so that levels have equal numbers as
// long as they last. Each prompt gets as many seeds as given. Larger limits hold all pairs of smaller ones.
//
// Every first seed comes before any second one, and prompts are mixed so that a run that is cut short has seen all tasks and levels
// in about the proportions of the whole.
//
// Seeds are 32 bits from a hash of the prompt: even ones select, odd ones report, so no noise is in both, and no two prompts share a
// row of seeds, whose lucky layouts would then count many times.
func Pairs(items []Item, split string, prompts, seeds int) []Pair {
	fresh, done := []Item{}, []Item{}
	for _, i := range items {
		switch i.Split {
		case "":
			fresh = append(fresh, i)
		case split:
			done = append(done, i)
		}
	}
	items = mixed(limit(append(done, splitOf(fresh, split)...), prompts))
	rows := make([][]uint64, len(items))
	for i, item := range items {
		rows[i] = seedsOf(item.Prompt, split, seeds)
	}
	var out []Pair
	for s := range max(seeds, 0) {
		for i, item := range items {
			out = append(out, Pair{item, rows[i][s]})
		}
	}
	return out
}

// limit takes at most n items of each task, from its levels in turn.
func limit(items []Item, n int) []Item {
	if n <= 0 {
		return items
	}
	taken := map[string]int{}
	left := strata(items, "limit")
	var out []Item
	for more := true; more; {
		more = false
		for i, s := range left {
			if len(s) == 0 || taken[s[0].Task] >= n {
				continue
			}
			more = true
			taken[s[0].Task]++
			out, left[i] = append(out, s[0]), s[1:]
		}
	}
	return out
}

// mixed spreads the prompts of each task and level evenly over the whole.
func mixed(items []Item) []Item {
	type placed struct {
		Item
		at float64
	}
	var all []placed
	for _, s := range strata(items, "run") {
		for i, item := range s {
			all = append(all, placed{item, (float64(i) + 0.5) / float64(len(s))})
		}
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(hash("run", a.Prompt), hash("run", b.Prompt)), cmp.Compare(a.Prompt, b.Prompt))
	})
	out := make([]Item, len(all))
	for i, p := range all {
		out[i] = p.Item
	}
	return out
}

// seedsOf gives the first n seeds of a prompt, all different.
func seedsOf(prompt, split string, n int) []uint64 {
	var seeds []uint64
	for i := 0; len(seeds) < n; i++ {
		seed := hash("seed", prompt, strconv.Itoa(i)) >> 32 &^ 1
		if split != score.SplitSelect {
			seed |= 1
		}
		if !slices.Contains(seeds, seed) {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}
