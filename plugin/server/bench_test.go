//go:build unix

package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
)

// BenchmarkRoundTrip runs a node that does nothing, with an input and an output of some size. ns/op is the mean; the median
// and the least tell more where other processes want the CPU.
func BenchmarkRoundTrip(b *testing.B) {
	torchtest.Require(b)
	c := start(b, nil)
	if _, err := c.Describe(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{64, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			inputs := map[string]plugin.Value{"text": {JSON: quoted(strings.Repeat("x", size))}}
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := c.Execute(b.Context(), plugin.Request{Class: "Echo", Inputs: inputs}, nil); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2].Seconds()*1e3, "ms/median")
			b.ReportMetric(times[0].Seconds()*1e3, "ms/least")
		})
	}
}
