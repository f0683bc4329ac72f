//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
)

// fate is what is known of a prompt by the answers that came.
type fate int

const (
	unsure  fate = iota // no answer came: it may be there or not
	kept                // accepted, and not deleted since
	removed             // refused, or deleted
)

// view is what the server showed at one moment: the queue, then the history, then the queue again, for prompts move from the one to the
// other meanwhile.
type view struct {
	before, after map[string]bool
	history       map[string]string // the outcome of each
}

func (v *view) has(id string) bool {
	_, ended := v.history[id]
	return ended || v.before[id] || v.after[id]
}

// world is what has to be there.
type world struct {
	prompts  map[string]fate
	outcomes map[string]string
	// values holds for user data and settings what each may be; "" stands for absent.
	values map[string]map[string]bool
	// pictures are uploads by name, and whether they have to be there.
	pictures map[string]bool
}

func newWorld() *world {
	return &world{prompts: map[string]fate{}, outcomes: map[string]string{}, values: map[string]map[string]bool{}, pictures: map[string]bool{}}
}

// check holds a view against what has to be there, and gives everything that is wrong.
func (w *world) check(v *view) (wrong []string) {
	for _, id := range slices.Sorted(maps.Keys(w.prompts)) {
		outcome, ended := v.history[id]
		switch there := v.has(id); {
		case w.prompts[id] == kept && !there:
			wrong = append(wrong, fmt.Sprintf("prompt %s was accepted and is neither in the queue nor in the history", id))
		case w.prompts[id] == removed && (ended || v.after[id]):
			wrong = append(wrong, fmt.Sprintf("prompt %s was deleted or refused and is there", id))
		}
		if !ended {
			if was, ok := w.outcomes[id]; ok && w.prompts[id] == kept {
				wrong = append(wrong, fmt.Sprintf("prompt %s had ended as %s and is no more in the history", id, was))
			}
			continue
		}
		if v.after[id] {
			wrong = append(wrong, fmt.Sprintf("prompt %s is in the history and in the queue", id))
		}
		if was, ok := w.outcomes[id]; ok && was != outcome {
			wrong = append(wrong, fmt.Sprintf("prompt %s had ended as %s and now as %s", id, was, outcome))
		}
		w.outcomes[id] = outcome
	}
	for id := range v.history {
		if _, ok := w.prompts[id]; !ok {
			wrong = append(wrong, fmt.Sprintf("prompt %s is in the history and was never put", id))
		}
	}
	return wrong
}

// settle says what became of the prompts that a deletion was answered for with success: those that the view after it does not have are
// gone for good, those that it has were not what the deletion meant. Without a view nothing is known of them.
func (w *world) settle(ids []string, v *view) {
	for _, id := range ids {
		switch {
		case v == nil:
			w.prompts[id] = unsure
			delete(w.outcomes, id)
		case !v.has(id) && w.prompts[id] == kept:
			w.prompts[id] = removed
		}
	}
}

// wrote says that a value was written, for sure or perhaps.
func (w *world) wrote(key, value string, sure bool) {
	if sure || w.values[key] == nil {
		old := w.values[key]
		w.values[key] = map[string]bool{value: true}
		if !sure && old == nil {
			w.values[key][""] = true
		}
		return
	}
	w.values[key][value] = true
}

// of lists the prompts of a fate, sorted.
func (w *world) of(f fate) []string {
	var ids []string
	for id, is := range w.prompts {
		if is == f {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
