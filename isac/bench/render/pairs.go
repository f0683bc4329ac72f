package render

import (
	"cmp"
	"slices"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// pair is one prompt and seed made by two methods from the same noise.
type pair struct {
	base, other   score.Record
	before, after score.Scores
}

// gain is how much better the other method did: the difference in ratio plus the difference in exactness, -2 to 2. Ratio alone
// does not see a superfluous object, and most pairs of equal ratio differ by just that.
func (p pair) gain() float64 {
	return p.after.Ratio - p.before.Ratio + one(p.after.Exact) - one(p.before.Exact)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// contrast is what two methods make of the same pairs: those that gained and those that lost, in the order in which they are
// worth showing, and how many there are in all.
type contrast struct {
	gained, lost []pair
	total        int
}

// compare pairs up the records of base and method. The order of gained and lost goes through the tasks in turn, so that one task
// with large differences does not fill the picture, and in each task takes the largest difference first, every prompt once
// before any a second time; ties fall by prompt and seed.
func compare(records []score.Record, base, method string) contrast {
	type place struct {
		task, prompt string
		seed         uint64
	}
	before := map[place]score.Record{}
	for _, r := range records {
		if r.Method == base {
			before[place{r.Task, r.Prompt, r.Seed}] = r
		}
	}
	var c contrast
	for _, r := range records {
		if r.Method != method {
			continue
		}
		b, ok := before[place{r.Task, r.Prompt, r.Seed}]
		if !ok {
			continue
		}
		c.total++
		p := pair{base: b, other: r, before: score.Judge(b), after: score.Judge(r)}
		switch g := p.gain(); {
		case g > 1e-9:
			c.gained = append(c.gained, p)
		case g < -1e-9:
			c.lost = append(c.lost, p)
		}
	}
	c.gained, c.lost = worthShowing(c.gained), worthShowing(c.lost)
	return c
}

func worthShowing(pairs []pair) []pair {
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(
			cmp.Compare(a.base.Task, b.base.Task),
			cmp.Compare(abs(b.gain()), abs(a.gain())),
			cmp.Compare(a.base.Prompt, b.base.Prompt),
			cmp.Compare(a.base.Seed, b.base.Seed),
		)
	})
	// round is how many pairs of the same prompt came before; turn is the place among those of one task and round.
	type key struct {
		pair
		round, turn int
	}
	prompts, turns := map[string]int{}, map[string]int{}
	keys := make([]key, len(pairs))
	for i, p := range pairs {
		name := p.base.Task + "|" + p.base.Prompt
		keys[i] = key{pair: p, round: prompts[name]}
		prompts[name]++
	}
	slices.SortStableFunc(keys, func(a, b key) int { return cmp.Compare(a.round, b.round) })
	for i := range keys {
		keys[i].turn = turns[keys[i].base.Task]
		turns[keys[i].base.Task]++
	}
	slices.SortStableFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(slices.Index(score.Tasks(), a.base.Task), slices.Index(score.Tasks(), b.base.Task)))
	})
	for i, k := range keys {
		pairs[i] = k.pair
	}
	return pairs
}

func abs(x float64) float64 { return max(x, -x) }
