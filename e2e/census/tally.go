package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// tally counts workflows; copies of one, told by their node types and values, count once.
type tally struct {
	own   map[string]bool
	known map[string]schema

	seen                  map[[32]byte]bool
	all, stock, run       int
	packs, lacking, wrong map[string]int
}

func newTally(own map[string]bool, known map[string]schema) *tally {
	return &tally{own: own, known: known, seen: map[[32]byte]bool{}, packs: map[string]int{}, lacking: map[string]int{}, wrong: map[string]int{}}
}

func (t *tally) add(_ string, nodes []node) {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = fmt.Sprint(n.class, n.inputs)
	}
	slices.Sort(parts)
	key := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	if t.seen[key] {
		return
	}
	t.seen[key] = true
	t.all++
	packs, lacking, wrong := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		s, ok := t.known[n.class]
		switch {
		case !ok && !t.own[n.class]:
			packs[n.class] = true
		case !ok:
			lacking[n.class] = true
		case n.inputs != nil:
			for _, what := range append(s.unknown(n.inputs), s.missing(n.inputs)...) {
				wrong[n.class+": "+what] = true
			}
		}
	}
	if len(packs) > 0 {
		count(t.packs, packs)
		return
	}
	t.stock++
	count(t.lacking, lacking)
	if len(lacking) > 0 {
		return
	}
	count(t.wrong, wrong)
	if len(wrong) == 0 {
		t.run++
	}
}

func count(into map[string]int, which map[string]bool) {
	for name := range which {
		into[name]++
	}
}

// print writes what was counted. The words of a reason stand with the number of workflows that have it; a workflow may have several.
func (t *tally) print(to io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "workflows that differ: %d\nof node types of ComfyUI's own and of this server: %d\nof these the server knows: %d (%.0f %%)\n",
		t.all, t.stock, t.run, 100*float64(t.run)/float64(max(t.stock, 1)))
	for _, part := range []struct {
		title string
		names map[string]int
		most  int
	}{{"node types that this server does not have", t.lacking, 60}, {"inputs and choices that it does not have", t.wrong, 30}, {"node types of packs, the most frequent", t.packs, 15}} {
		fmt.Fprintf(&b, "\n%s: %d\n", part.title, len(part.names))
		names := slices.SortedFunc(maps.Keys(part.names), func(a, c string) int {
			return cmp.Or(cmp.Compare(part.names[c], part.names[a]), cmp.Compare(a, c))
		})
		for _, name := range names[:min(len(names), part.most)] {
			fmt.Fprintf(&b, "%6d  %s\n", part.names[name], name)
		}
	}
	_, err := io.WriteString(to, b.String())
	return err
}
