package nodes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// instanceNames are what the instances of a target are called: cat 1, cat 2, dog 1.
func instanceNames(target guidance.Target) []string {
	var names []string
	for _, c := range target.Classes {
		for i := range c.Count {
			names = append(names, fmt.Sprintf("%s %d", c.Name, i+1))
		}
	}
	return names
}

// chosenInstances are the numbers of the instances that a text names, in groups of which each makes one mask: every instance, those of a class,
// or one.
func chosenInstances(names []string, wanted string) ([][]int, error) {
	wanted = strings.ToLower(strings.Join(strings.Fields(wanted), " "))
	var groups [][]int
	var group []int
	for i, name := range names {
		name = strings.ToLower(name)
		switch class := name[:strings.LastIndexByte(name, ' ')]; wanted {
		case "":
			groups = append(groups, []int{i})
		case name, class:
			group = append(group, i)
		}
	}
	if wanted == "" {
		return groups, nil
	}
	if group == nil {
		return nil, fmt.Errorf("there is no instance %q: there are %s, and their classes", wanted, strings.Join(names, ", "))
	}
	return [][]int{group}, nil
}

// planes are the masks of a report that groups name, at the painter's size, [len(groups)][height·width]: 1 where an instance is. A report
// without masks gives one of 0.
func (p painter) planes(r guidance.Report, groups [][]int) [][]float32 {
	if len(r.Masks) == 0 || len(r.Labels) == 0 {
		return [][]float32{make([]float32, p.width*p.height)}
	}
	made := make([][]float32, len(groups))
	for g, group := range groups {
		plane := make([]float64, len(r.Labels))
		for at, label := range r.Labels {
			if slices.Contains(group, label) {
				plane[at] = 1
			}
		}
		made[g] = make([]float32, p.width*p.height)
		for i := range made[g] {
			made[g][i] = float32(p.sample(plane, r.Width, r.Height, i%p.width, i/p.width))
		}
	}
	return made
}

// maskFrom makes a value of planes of width×height.
func maskFrom(planes [][]float32, width, height int) *Mask {
	return newMask(torch.FromFloat32s(slices.Concat(planes...), int64(len(planes)), int64(height), int64(width)))
}
