package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
)

// read leaves cross-attention of the grid that the options ask for, and says what is missing.
func (g *attend) read(r attention.Reading) (attention.Reading, error) {
	cross := r.Only(func(t attention.Tap) bool { return t.Has(attention.Text) })
	if len(cross.Taps) == 0 {
		return cross, fmt.Errorf("%s: the model has no cross-attention taps: at least one is needed", attendName)
	}
	err := errors.Join(g.target.CheckTokens(r.Tokens), outside(g.target, r.Tokens-1, "last"))
	if err != nil || g.opt.Accumulate {
		return cross, err
	}
	side, err := sideOf(cross, g.opt.Resolution, shorter(r.Top))
	return cross.Only(func(t attention.Tap) bool { return shorter(t.Grid()) == side }), err
}

var _ guidance.Reader = (*attend)(nil)

// Reads leaves out what read does: a model then ends behind the last layer of the grid that is read. Where read would fail it has all.
func (g *attend) Reads(layers []attention.Tap) []bool {
	var all, cross attention.Reading
	for _, t := range layers {
		all.Top = finer(all.Top, t.Grid())
		if t.Has(attention.Text) {
			cross.Taps = append(cross.Taps, t)
		}
	}
	side, err := 0, error(nil)
	if len(cross.Taps) > 0 && !g.opt.Accumulate {
		side, err = sideOf(cross, g.opt.Resolution, shorter(all.Top))
	}
	reads := make([]bool, len(layers))
	for i, t := range layers {
		reads[i] = t.Has(attention.Text) && (err != nil || g.opt.Accumulate || shorter(t.Grid()) == side)
	}
	return reads
}

// finer is the one of more positions.
func finer(a, b attention.Grid) attention.Grid {
	if b.Pixels() > a.Pixels() {
		return b
	}
	return a
}

// sideOf gives the shorter side of the grid to read: the one asked for, or of those that there are the one nearest to a quarter of
// finest.
func sideOf(cross attention.Reading, asked, finest int) (int, error) {
	var sides []int
	var grids []string
	for _, t := range cross.Taps {
		if side := shorter(t.Grid()); !slices.Contains(sides, side) {
			sides, grids = append(sides, side), append(grids, t.Grid().String())
		}
	}
	if asked != 0 && !slices.Contains(sides, asked) {
		return 0, fmt.Errorf("%s: no cross-attention layer has a side of %d positions: the model's grids are %s: set resolution to the shorter side of one, or to 0",
			attendName, asked, strings.Join(grids, ", "))
	}
	if asked != 0 {
		return asked, nil
	}
	off := func(side int) int { return max(4*side-finest, finest-4*side) }
	return slices.MinFunc(sides, func(a, b int) int { return off(a) - off(b) }), nil
}

func shorter(g attention.Grid) int { return min(g.Height, g.Width) }
