//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// step is one thing to do. Its own random number decides all that is open about it, so that it stays the same when others are left out.
type step struct {
	kind   string
	random uint64
}

func (s step) String() string { return fmt.Sprintf("%s (%d)", s.kind, s.random) }

// weights says how often each kind of step comes.
var weights = []struct {
	kind   string
	weight int
}{
	{"put a prompt", 20}, {"put a large prompt", 4}, {"put several prompts", 4},
	{"delete a prompt that waits", 8}, {"delete a prompt that ended", 7}, {"clear the queue", 1}, {"clear the history", 1}, {"interrupt", 4},
	{"upload a picture", 4}, {"write user data", 5}, {"delete user data", 4}, {"write a setting", 4},
	{"kill serve", 5}, {"stop serve in order", 2}, {"kill a worker", 3}, {"kill a plugin", 4}, {"freeze a process", 4},
	{"restart NATS", 3}, {"fill the disk", 2},
	{"a client that does not read", 2}, {"a client that sends half", 2},
	{"look", 8}, {"wait", 10},
}

// plan draws an episode.
func plan(random *rand.Rand, count int) []step {
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	steps := make([]step, count)
	for i := range steps {
		n := random.IntN(total)
		for _, w := range weights {
			if n -= w.weight; n < 0 {
				steps[i] = step{w.kind, random.Uint64() % 1_000_000}
				break
			}
		}
	}
	return steps
}

// shrink leaves parts of a list out, halves first and single steps at last, as long as what is left still fails and there is time.
func shrink(steps []step, deadline time.Time, fails func([]step) bool) []step {
	for part := len(steps) / 2; part > 0; part /= 2 {
		for at := 0; at+part <= len(steps) && time.Now().Before(deadline); {
			fewer := append(append([]step{}, steps[:at]...), steps[at+part:]...)
			if fails(fewer) {
				steps = fewer
			} else {
				at += part
			}
		}
	}
	return steps
}
