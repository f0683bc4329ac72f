//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// tally counts what was done, over all episodes.
type tally struct {
	counts map[string]int
	peaks  map[string]int64 // largest resident memory of a kind of process, bytes
}

func (t *tally) print(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "\n%d episodes in %v\n", t.counts["episodes"], took.Round(time.Second))
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		if name != "episodes" {
			fmt.Fprintf(w, "  %-40s %6d\n", name, t.counts[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.peaks)) {
		fmt.Fprintf(w, "  %-40s %6d MiB\n", "largest memory of "+name, t.peaks[name]>>20)
	}
}
