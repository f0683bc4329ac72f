// Package task makes the prompts that guidance is judged on: those of the paper's benchmark (B.3), prompts that mix classes and
// counts, single objects as a check of the model itself, and prompts from a file.
//
// Everything is decided by hashes of prompts and a seed: the same options give the same items on any machine, in any version of Go.
package task

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/prompt"
)

// Item is one prompt and what a picture of it shall hold.
type Item struct {
	// Task is one of Names.
	Task string
	// Level is the paper's #k (multi-class: number of classes) or #n (all other tasks: number of objects).
	Level int
	// Prompt is the text as the model gets it.
	Prompt string
	// Wanted are the classes in the order of the prompt, each once.
	Wanted []score.Wanted
	// Split is "select" or "report", set by Split; "" before.
	Split string
}

// Options say which items are made.
type Options struct {
	// Groups are the classes, only such of one group are put together; nil is PaperGroups.
	Groups []Group
	// Sample is the part of a group's subsets at one level that becomes prompts of multi-class and mixed, in (0,1]; 0 is the
	// paper's 0.2. Other tasks use every class. A larger sample of the same seed holds the smaller one.
	Sample float64
	// Levels are wanted numbers of classes or objects, 2..10; nil is the paper's 2..5. Single has level 1 always.
	Levels []int
	// Seed decides which subsets are sampled and the order of classes in a prompt.
	Seed uint64
}

// Names gives the names of all tasks, in the order of tables. All but numeracy are for Make.
func Names() []string { return score.Tasks() }

// Make gives the items of a task and checks that each prompt is read by package prompt as it is meant. It is an error if the task
// is unknown or numeracy (which comes from a file, see Numeracy), if options are wrong, or if they leave no prompt.
func Make(task string, o Options) ([]Item, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("task %s: %w", task, err)
	}
	var items []Item
	switch task {
	case score.TaskMultiClass:
		items = MultiClass(o)
	case score.TaskMultiInstance:
		items = MultiInstance(o)
	case score.TaskMixed:
		items = Mixed(o)
	case score.TaskSingle:
		items = Single(o)
	case score.TaskNumeracy:
		return nil, errors.New("task numeracy: its prompts come from a file, name one")
	default:
		return nil, fmt.Errorf("task %q is not known, take one of %s", task, strings.Join(Names(), ", "))
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("task %s: no prompt can be made of the groups %s at the levels %v", task, describe(o.Groups), o.Levels)
	}
	var errs []error
	for _, i := range items {
		if err := readBack(i); err != nil && len(errs) < 10 {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("task %s: %w", task, errors.Join(errs...))
	}
	return items, nil
}

// check finds all mistakes of options.
func (o Options) check() error {
	var errs []error
	if !(o.Sample >= 0 && o.Sample <= 1) {
		errs = append(errs, fmt.Errorf("sample is %v, it must be in (0,1], or 0 for the paper's 0.2", o.Sample))
	}
	for _, l := range o.Levels {
		if l < 2 || l > maxLevel {
			errs = append(errs, fmt.Errorf("level is %d, it must be in 2..%d", l, maxLevel))
		}
	}
	seen := map[string]bool{}
	for _, g := range o.Groups {
		for _, c := range g.Classes {
			if c == "" || seen[c] {
				errs = append(errs, fmt.Errorf("class %q of group %q is empty or there twice", c, g.Name))
			}
			seen[c] = true
		}
	}
	return errors.Join(errs...)
}

// filled sets what is left open to the paper's values.
func (o Options) filled() Options {
	if o.Groups == nil {
		o.Groups = PaperGroups()
	}
	if o.Sample == 0 {
		o.Sample = 0.2
	}
	if o.Levels == nil {
		o.Levels = []int{2, 3, 4, 5}
	}
	o.Levels = slices.Compact(slices.Sorted(slices.Values(o.Levels)))
	return o
}

// readBack checks that a prompt says to package prompt what the item wants: the same classes, counts and order, nothing assumed.
func readBack(i Item) error {
	p := prompt.Parse(i.Prompt)
	got := make([]score.Wanted, 0, len(p.Phrases))
	for _, ph := range p.Phrases {
		got = append(got, score.Wanted{Class: ph.Class, Count: ph.Count})
	}
	if slices.Equal(got, i.Wanted) && len(p.Notes) == 0 {
		return nil
	}
	return fmt.Errorf("prompt %q means %v and is read as %v (notes %q): leave its classes out", i.Prompt, i.Wanted, got, p.Notes)
}

// sorted puts items into their order: task, level, prompt.
func sorted(items []Item) []Item {
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(rank(a.Task), rank(b.Task)), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Prompt, b.Prompt))
	})
	return items
}

func rank(task string) int { return slices.Index(Names(), task) }

// hash gives 64 bits that depend on all of the texts, the same everywhere and for ever: splits rest on it.
func hash(texts ...string) uint64 {
	h := sha256.New()
	var size [8]byte
	for _, s := range texts {
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
