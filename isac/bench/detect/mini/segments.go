package mini

import (
	"cmp"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// nobody marks pixels that belong to no object.
const nobody = -1

// objects reads a segments network's answer, [C+2,S,S]: connected cores, grown through what is no ground. An object's class has the
// most votes of its pixels; its score is the mean of its core times the winner's share of all its pixels' votes.
func objects(g grid, classes []string, s segmentsSettings) []detect.Detection {
	n := g.height * g.width
	inner := make([]float64, n)
	core, solid := make([]bool, n), make([]bool, n)
	votes := make([]float64, n*len(classes)) // [pixel, class]
	for i := range n {
		inner[i] = sigmoid(g.at(len(classes)+1, i))
		core[i] = inner[i] > s.Core
		solid[i] = softmax(g, i, votes[i*len(classes):(i+1)*len(classes)]) < 0.5
	}
	owners, number := components(core, g.width)
	tallies := make([]tally, number)
	for i, o := range owners {
		if o != nobody {
			tallies[o].core += inner[i]
			tallies[o].pixels++
		}
	}
	grow(owners, solid, g.width)
	for i, o := range owners {
		if o != nobody {
			tallies[o].add(i%g.width, i/g.width, votes[i*len(classes):(i+1)*len(classes)])
		}
	}
	var found []detect.Detection
	for _, t := range tallies {
		if t.pixels < s.Pixels {
			continue
		}
		kind := 0
		for c, v := range t.votes {
			if v > t.votes[kind] {
				kind = c
			}
		}
		score := t.core / float64(t.pixels) * t.votes[kind] / float64(t.region)
		if score >= s.Score {
			found = append(found, detect.Detection{Class: classes[kind], Score: score, Box: t.box})
		}
	}
	slices.SortStableFunc(found, func(a, b detect.Detection) int { return cmp.Compare(b.Score, a.Score) })
	return found
}

// softmax writes the shares of the classes at pixel i to out and gives the ground's.
func softmax(g grid, i int, out []float64) float64 {
	most := g.at(0, i)
	for c := range out {
		most = max(most, g.at(c+1, i))
	}
	ground := math.Exp(g.at(0, i) - most)
	sum := ground
	for c := range out {
		out[c] = math.Exp(g.at(c+1, i) - most)
		sum += out[c]
	}
	for c := range out {
		out[c] /= sum
	}
	return ground / sum
}

// tally is what is known of one object.
type tally struct {
	core   float64 // sum over its core
	pixels int     // of its core
	region int     // pixels after growing
	votes  []float64
	box    detect.Box
}

func (t *tally) add(x, y int, votes []float64) {
	here := detect.Box{X0: float64(x), Y0: float64(y), X1: float64(x + 1), Y1: float64(y + 1)}
	if t.region == 0 {
		t.box, t.votes = here, make([]float64, len(votes))
	}
	t.region++
	t.box = detect.Box{
		X0: min(t.box.X0, here.X0), Y0: min(t.box.Y0, here.Y0), X1: max(t.box.X1, here.X1), Y1: max(t.box.Y1, here.Y1),
	}
	for c, v := range votes {
		t.votes[c] += v
	}
}

// components numbers the connected parts of what is set, four neighbours a pixel, in reading order; nobody elsewhere.
func components(set []bool, width int) (owners []int, number int) {
	owners = make([]int, len(set))
	for i := range owners {
		owners[i] = nobody
	}
	for start := range set {
		if !set[start] || owners[start] != nobody {
			continue
		}
		owners[start] = number
		for todo := []int{start}; len(todo) > 0; {
			i := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, j := range neighbours(i, width, len(set)) {
				if j >= 0 && set[j] && owners[j] == nobody {
					owners[j] = number
					todo = append(todo, j)
				}
			}
		}
		number++
	}
	return owners, number
}

// grow lets all objects grow at once, pixel by pixel, through what is solid. Where two meet, the lower number wins.
func grow(owners []int, solid []bool, width int) {
	next := slices.Clone(owners)
	for changed := true; changed; {
		changed = false
		for i, o := range owners {
			if o != nobody || !solid[i] {
				continue
			}
			for _, j := range neighbours(i, width, len(owners)) {
				if j >= 0 && owners[j] != nobody && (next[i] == nobody || owners[j] < next[i]) {
					next[i], changed = owners[j], true
				}
			}
		}
		copy(owners, next)
	}
}

// neighbours are the pixels above, below, left and right of i; -1 where the picture ends.
func neighbours(i, width, n int) [4]int {
	out := [4]int{i - width, i + width, i - 1, i + 1}
	if out[1] >= n {
		out[1] = -1
	}
	if i%width == 0 {
		out[2] = -1
	}
	if i%width == width-1 {
		out[3] = -1
	}
	return out
}
