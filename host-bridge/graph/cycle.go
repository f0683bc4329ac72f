package graph

import (
	"fmt"
	"slices"
	"strings"
)

// cycles reports cycles among the nodes that are needed. Of a knot of nodes that all need each other it names one shortest
// cycle through each node that no earlier cycle went through, so that every node that cannot run for it is named; a large knot
// is cut off, as a text that is that broken is not mended cycle by cycle.
func (v *validation) cycles() {
	const mostOfAKnot = 16
	for _, knot := range v.knots() {
		inKnot, named := map[*Node]bool{}, map[*Node]bool{}
		for _, n := range knot {
			inKnot[n] = true
		}
		count := 0
		for _, n := range knot {
			if named[n] || count == mostOfAKnot {
				continue
			}
			cycle := v.shortestCycle(n, inKnot)
			for _, c := range cycle {
				named[c] = true
			}
			count++
			v.reportCycle(cycle)
		}
	}
}

// maxShownCycle is how many nodes of a cycle are written out: each of its nodes carries the text.
const maxShownCycle = 50

func (v *validation) reportCycle(cycle []*Node) {
	shown := cycle[:min(len(cycle), maxShownCycle)]
	var path, ids []string
	for _, n := range shown {
		path = append(path, fmt.Sprintf("%s (%s)", n.ID, n.Class))
		ids = append(ids, n.ID)
	}
	if more := len(cycle) - len(shown); more > 0 {
		path = append(path, fmt.Sprintf("%d more", more))
	}
	details := strings.Join(append(path, path[0]), " -> ")
	for _, n := range cycle {
		v.add(n, Mistake{
			Type:      TypeDependencyCycle,
			Message:   "Dependency cycle detected",
			Details:   details,
			ExtraInfo: map[string]any{"node_id": n.ID, "cycle_nodes": ids},
		})
	}
}

// shortestCycle goes from the node along its inputs until it is back.
func (v *validation) shortestCycle(start *Node, within map[*Node]bool) []*Node {
	from := map[*Node]*Node{}
	for todo := []*Node{start}; len(todo) > 0; todo = todo[1:] {
		n := todo[0]
		for _, u := range v.uses(n) {
			if u.node == start {
				cycle := []*Node{n}
				for ; n != start; n = from[n] {
					cycle = append(cycle, from[n])
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, seen := from[u.node]; within[u.node] && !seen {
				from[u.node] = n
				todo = append(todo, u.node)
			}
		}
	}
	return []*Node{start} // not reached: every node of a knot is on a cycle
}

// knots are the strongly connected parts that hold a cycle, by Tarjan's algorithm with a stack of its own: a workflow may be
// deeper than a goroutine's stack should be. They and their nodes come in the order of the workflow.
func (v *validation) knots() [][]*Node {
	type frame struct {
		node *Node
		uses []use
	}
	index, low, onStack := map[*Node]int{}, map[*Node]int{}, map[*Node]bool{}
	place := map[*Node]int{}
	var stack []*Node
	var knots [][]*Node
	for i, root := range v.workflow.Nodes {
		place[root] = i
	}
	for _, root := range v.workflow.Nodes {
		if _, seen := index[root]; seen || !v.reached[root] {
			continue
		}
		var frames []*frame
		enter := func(n *Node) {
			index[n], low[n], onStack[n] = len(index), len(index), true
			stack = append(stack, n)
			frames = append(frames, &frame{n, v.uses(n)})
		}
		for enter(root); len(frames) > 0; {
			f := frames[len(frames)-1]
			if len(f.uses) > 0 {
				next := f.uses[0].node
				f.uses = f.uses[1:]
				if _, seen := index[next]; !seen {
					enter(next)
				} else if onStack[next] {
					low[f.node] = min(low[f.node], index[next])
				}
				continue
			}
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				up := frames[len(frames)-1].node
				low[up] = min(low[up], low[f.node])
			}
			if low[f.node] != index[f.node] {
				continue
			}
			at := len(stack) - 1
			for ; stack[at] != f.node; at-- {
			}
			part := slices.Clone(stack[at:])
			stack = stack[:at]
			for _, n := range part {
				onStack[n] = false
			}
			usesItself := slices.ContainsFunc(v.uses(f.node), func(u use) bool { return u.node == f.node })
			if len(part) > 1 || usesItself {
				slices.SortFunc(part, func(a, b *Node) int { return place[a] - place[b] })
				knots = append(knots, part)
			}
		}
	}
	slices.SortFunc(knots, func(a, b []*Node) int { return place[a[0]] - place[b[0]] })
	return knots
}
