package main

import (
	"slices"
	"time"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// The outermost sections of a profile: all of a guidance session's step, and the evaluation that every step has.
const (
	sectionGuided   = "guided step"
	sectionUnguided = "unguided evaluation"
)

// profile is where a step goes. Milliseconds are medians over the steps that were timed.
type profile struct {
	Torch  string `json:"torch"`
	Device string `json:"device"`
	DType  string `json:"dtype"`
	Preset string `json:"preset"`
	Pixels int    `json:"pixels"`
	// Guided and Unguided are the two halves of a step, timed with nothing recorded; Ratio is both to the unguided one.
	Guided   float64 `json:"guided_ms"`
	Unguided float64 `json:"unguided_ms"`
	Ratio    float64 `json:"ratio"`
	Peak     int64   `json:"peak_bytes"`
	Loaded   int64   `json:"loaded_bytes"`
	Reserved int64   `json:"reserved_bytes"`
	// Graphs counts the evaluations that a GPU repeats whole; GraphErrors tell why others are not.
	Graphs      int      `json:"graphs,omitempty"`
	GraphErrors []string `json:"graph_errors,omitempty"`
	// Sections are in the order in which they begin; each without those within it.
	Sections []sectionRow `json:"sections"`
	// Kernels are what the device did, the longest first; Operators are libtorch's, with their own time on the host.
	Kernels   []nameRow `json:"kernels,omitempty"`
	Operators []nameRow `json:"operators"`
	Waits     []nameRow `json:"waits"`
}

// warmUp is how many steps come before those that are timed: in the second a GPU's graphs are recorded, in the third they run.
const warmUp = 3

// profile takes steps and looks where their time goes. What is recorded is one step: recording makes steps slower, so times are taken apart.
func (f *flags) profile() (*profile, error) {
	device := torch.Device(f.device)
	in, m, err := f.open()
	if err != nil {
		return nil, err
	}
	defer in.close()
	defer m.close()
	options, err := isac.Preset(f.preset)
	if err != nil {
		return nil, err
	}
	out := &profile{Torch: torch.GetInfo().Version, Device: nameOf(device), DType: f.dtype, Preset: f.preset, Pixels: in.step.Pixels}
	s, err := guidance.Open(guidance.Config{Model: m, Noise: m.Noise, Method: options, Target: in.step.target()})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	at := &place{m: m, s: s, in: in, device: device}
	torch.EmptyCache(device)
	torch.ResetPeak(device)
	out.Loaded = torch.MemoryStats(device).Allocated
	err = torch.InScope(func() error {
		at.x = m.Noise.Output(in.latent.ToDevice(device), in.step.Sigma).Clone()
		return out.take(at, f.repeat)
	})
	return out, err
}

// place is where the steps are.
type place struct {
	m      *model
	s      *guidance.Session
	in     inputs
	x      torch.Tensor
	device torch.Device
}

// guided moves the latent.
func (p *place) guided() error {
	defer torch.Section(sectionGuided)()
	now := guidance.Step{Index: p.in.step.Index, Count: p.in.step.Count, Sigma: p.in.step.Sigma}
	moved, _, err := guide(p.s, p.x, now)
	if err == nil {
		p.x = moved
	}
	return err
}

func (p *place) unguided() error {
	in := torch.Scoped(func() torch.Tensor { return p.m.Noise.Input(p.x, p.in.step.Sigma) })
	return p.m.step(in, p.in.step.Timestep, p.in.step.CFG)
}

// both is a guided step, and what it took.
func (p *place) both() (guided, unguided time.Duration, err error) {
	torch.Synchronize(p.device)
	began := time.Now()
	if err := p.guided(); err != nil {
		return 0, 0, err
	}
	torch.Synchronize(p.device)
	guided = time.Since(began)
	began = time.Now()
	if err := p.unguided(); err != nil {
		return 0, 0, err
	}
	torch.Synchronize(p.device)
	return guided, time.Since(began), nil
}

// take takes all steps: those that warm up, those that are timed, those whose sections are timed with and without waiting for the device,
// and one that is recorded.
func (out *profile) take(p *place, repeat int) error {
	for range warmUp {
		if _, _, err := p.both(); err != nil {
			return err
		}
	}
	if g := p.m.graphs(); g != nil {
		out.Graphs = g.Recorded()
		for kind, err := range g.Errors() {
			out.GraphErrors = append(out.GraphErrors, kind+": "+err.Error())
		}
	}
	memory := torch.MemoryStats(p.device)
	out.Peak, out.Reserved = memory.Peak, memory.Reserved
	var guided, unguided []float64
	for range repeat {
		g, u, err := p.both()
		if err != nil {
			return err
		}
		guided, unguided = append(guided, milliseconds(g)), append(unguided, milliseconds(u))
	}
	out.Guided, out.Unguided = median(guided), median(unguided)
	out.Ratio = (out.Guided + out.Unguided) / out.Unguided

	record := func(o torch.ProfileOptions, steps int) ([]torch.Event, error) {
		made := torch.StartProfile(o)
		var err error
		for range steps {
			if _, _, err = p.both(); err != nil {
				break
			}
		}
		return made.Stop(), err
	}
	waited, err := record(torch.ProfileOptions{Device: p.device, Synchronise: true}, repeat)
	if err != nil {
		return err
	}
	asked, err := record(torch.ProfileOptions{Device: p.device}, repeat)
	if err != nil {
		return err
	}
	events, err := record(torch.ProfileOptions{Device: p.device, Events: true}, 1)
	if err != nil {
		return err
	}
	t := newTable(events)
	t.times(waited, repeat, func(r *sectionRow, ms float64) { r.Waited = ms })
	t.times(asked, repeat, func(r *sectionRow, ms float64) { r.Asked = ms })
	out.Sections, out.Kernels, out.Operators, out.Waits = t.rows, t.kernels(), t.operators(), t.waits()
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
