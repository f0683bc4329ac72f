//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWorldNotices(t *testing.T) {
	for _, c := range []struct {
		name string
		fate fate
		was  string
		view view
		want string
	}{
		{"waits", kept, "", view{before: map[string]bool{"a": true}}, ""},
		{"moved on between the questions", kept, "", view{before: map[string]bool{"a": true}, history: map[string]string{"a": "success"}}, ""},
		{"lost", kept, "", view{}, "neither"},
		{"came back to the queue", removed, "", view{after: map[string]bool{"a": true}}, "deleted or refused"},
		{"came back to the history", removed, "", view{history: map[string]string{"a": "success"}}, "deleted or refused"},
		{"nothing is known", unsure, "", view{}, ""},
		{"in both", kept, "", view{after: map[string]bool{"a": true}, history: map[string]string{"a": "success"}}, "in the history and in the queue"},
		{"ended twice", kept, "error", view{history: map[string]string{"a": "success"}}, "now as success"},
		{"runs again", kept, "success", view{before: map[string]bool{"a": true}, after: map[string]bool{"a": true}}, "no more in the history"},
		{"from nowhere", kept, "", view{before: map[string]bool{"a": true}, history: map[string]string{"b": "success"}}, "never put"},
	} {
		w := newWorld()
		w.prompts["a"] = c.fate
		if c.was != "" {
			w.outcomes["a"] = c.was
		}
		got := strings.Join(w.check(&c.view), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, expected %q", c.name, got, c.want)
		}
	}
}

func TestSettle(t *testing.T) {
	w := newWorld()
	w.prompts = map[string]fate{"gone": kept, "runs": kept, "refused": removed}
	w.settle([]string{"gone", "runs"}, &view{after: map[string]bool{"runs": true}})
	if w.prompts["gone"] != removed || w.prompts["runs"] != kept {
		t.Errorf("%v", w.prompts)
	}
	w.settle([]string{"runs"}, nil)
	if w.prompts["runs"] != unsure {
		t.Errorf("%v", w.prompts)
	}
}

func TestWrote(t *testing.T) {
	w := newWorld()
	w.wrote("k", "a", false)
	if !w.values["k"][""] || !w.values["k"]["a"] {
		t.Errorf("a first write without an answer: %v", w.values["k"])
	}
	w.wrote("k", "b", true)
	w.wrote("k", "c", false)
	if got := len(w.values["k"]); got != 2 || !w.values["k"]["b"] || !w.values["k"]["c"] {
		t.Errorf("%v", w.values["k"])
	}
}

// Of two steps that fail together only these are left.
func TestShrink(t *testing.T) {
	steps := plan(rand.New(rand.NewPCG(1, 1)), 40)
	if again := plan(rand.New(rand.NewPCG(1, 1)), 40); !slices.Equal(steps, again) {
		t.Fatal("the same seed gives other steps")
	}
	got := shrink(steps, time.Now().Add(time.Minute), func(s []step) bool {
		return slices.Contains(s, steps[7]) && slices.Contains(s, steps[31])
	})
	if !slices.Equal(got, []step{steps[7], steps[31]}) {
		t.Errorf("%v", got)
	}
}
