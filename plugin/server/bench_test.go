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

// BenchmarkGuidedStep is what a guided step costs a host beside the computation: the latents of an image of 1024×1024 pixels there and
// back, over the process's unix socket with mutual TLS, less the time that the process worked. Steps are outside the window, so that
// this is little itself.
func BenchmarkGuidedStep(b *testing.B) {
	torchtest.Require(b)
	c := start(b, func(config *plugin.Config) { config.Env = []string{roleEnv + "=models"} })
	session, err := c.Guidance.Open(b.Context(), plugin.GuidanceConfig{Checkpoint: "mini", Prompt: "two cats and a dog", Parametrisation: plugin.ParametrisationComfyUI})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	for _, c := range []struct {
		name  string
		dtype plugin.DType
		bytes int
		side  int64
	}{{"float32", plugin.Float32, 4, 128}, {"float16", plugin.Float16, 2, 128}, {"float32-8MiB", plugin.Float32, 4, 724}} {
		b.Run(c.name, func(b *testing.B) {
			step := plugin.GuidanceStep{
				Index: 19, Count: 20, Level: plugin.AtSigma(1),
				Latents: plugin.Tensor{DType: c.dtype, Shape: []int64{1, 4, c.side, c.side}, Data: make([]byte, 4*int(c.side*c.side)*c.bytes)},
			}
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				result, err := session.Guide(b.Context(), step)
				if err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began)-result.Worked)
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2].Seconds()*1e3, "ms/median")
			b.ReportMetric(times[0].Seconds()*1e3, "ms/least")
		})
	}
}
