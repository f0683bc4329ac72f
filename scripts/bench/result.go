package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// run is what one process printed.
type run struct {
	Side             string    `json:"run_side"`
	Mode             string    `json:"run_mode"`
	Wrong            string    `json:"wrong,omitempty"`
	Device           string    `json:"device"`
	ReadySeconds     float64   `json:"ready_seconds"`
	LoadedBytes      int64     `json:"loaded_bytes"`
	PeakBytes        int64     `json:"peak_bytes"`
	Seconds          []float64 `json:"seconds"`
	ProcessorSeconds []float64 `json:"processor_seconds"`
	Loss             float64   `json:"loss,omitempty"`
	GradNorm         float64   `json:"grad_norm,omitempty"`
	Foreground       int       `json:"foreground,omitempty"`
	Inertia          float64   `json:"inertia,omitempty"`
	InertiaGiven     float64   `json:"inertia_given,omitempty"`
	KMeansSeconds    float64   `json:"kmeans_seconds,omitempty"`
}

func (r run) line() string {
	if r.Wrong != "" {
		return "failed: " + r.Wrong
	}
	line := fmt.Sprintf("%.3f s a step, %.3f s of the processors, %.0f MiB above what is loaded", median(r.Seconds), median(r.ProcessorSeconds), r.above()/(1<<20))
	if r.GradNorm > 0 {
		line += fmt.Sprintf(", loss %.6g, gradient %.6g", r.Loss, r.GradNorm)
	}
	return line
}

// above is the peak above what is loaded, in bytes.
func (r run) above() float64 { return float64(r.PeakBytes - r.LoadedBytes) }

// section is all runs of one case.
type section struct {
	Case    string `json:"case"`
	Title   string `json:"title"`
	Machine string `json:"machine"`
	Threads int    `json:"threads"`
	DType   string `json:"dtype"`
	Load    string `json:"load"`
	When    string `json:"when"`
	Runs    []run  `json:"runs"`
}

// of are the runs of a side in a mode that went well.
func (s section) of(side, mode string) []run {
	var out []run
	for _, r := range s.Runs {
		if r.Side == side && r.Mode == mode && r.Wrong == "" {
			out = append(out, r)
		}
	}
	return out
}

// wrong is why a side could not run in a mode, "" where it could.
func (s section) wrong(side, mode string) string {
	for _, r := range s.Runs {
		if r.Side == side && r.Mode == mode && r.Wrong != "" {
			return r.Wrong
		}
	}
	return ""
}

func (s section) sides() []string {
	var names []string
	for _, r := range s.Runs {
		if !slices.Contains(names, r.Side) {
			names = append(names, r.Side)
		}
	}
	return names
}

// allowed is how far losses and gradients of two sides may lie apart: rounding in float32. In half precision another pixel may be the one
// where masks overlap most, so there they are told and not held.
const allowed = 1e-3

// agree says where sides did not do the same work: another loss, another gradient norm, or groups that are worse than one start of K-means.
func (s section) agree() error {
	var errs []error
	if s.DType != "float32" {
		return nil
	}
	var first *run
	for i, r := range s.Runs {
		if r.Wrong != "" || r.GradNorm == 0 {
			continue
		}
		if r.Inertia > 0 && r.InertiaGiven > (1+allowed)*r.Inertia {
			errs = append(errs, fmt.Errorf("%s: our groups have a sum of squared distances of %v, those of %s %v: K-means is worse", s.Case, r.InertiaGiven, r.Side, r.Inertia))
		}
		if first == nil {
			first = &s.Runs[i]
			continue
		}
		for name, pair := range map[string][2]float64{"loss": {first.Loss, r.Loss}, "gradient norm": {first.GradNorm, r.GradNorm}} {
			if math.Abs(pair[0]-pair[1]) > allowed*math.Abs(pair[0]) {
				errs = append(errs, fmt.Errorf("%s: the %s of %s (%s) is %v, of %s (%s) %v: they do not do the same work",
					s.Case, name, first.Side, first.Mode, pair[0], r.Side, r.Mode, pair[1]))
			}
		}
	}
	return errors.Join(errs...)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v) / 2; len(v)%2 == 0 {
		return (v[n-1] + v[n]) / 2
	}
	return v[len(v)/2]
}

// spread writes the median and, where there are several, the least and the most.
func spread(values []float64, format string) string {
	if len(values) == 0 {
		return ""
	}
	number, unit, _ := strings.Cut(format, " ")
	text := fmt.Sprintf(number, median(values))
	if unit != "" {
		text += " " + unit
	}
	if low, high := fmt.Sprintf(number, slices.Min(values)), fmt.Sprintf(number, slices.Max(values)); low != high {
		text += " (" + low + "–" + high + ")"
	}
	return text
}
