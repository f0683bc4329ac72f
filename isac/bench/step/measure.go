package main

import (
	"slices"
	"time"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/cluster"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// measured is the line that is printed. Bytes are the process's on the CPU, on a GPU what libtorch holds there.
type measured struct {
	Side             string    `json:"side"`
	Torch            string    `json:"torch"`
	Device           string    `json:"device"`
	ReadySeconds     float64   `json:"ready_seconds"`
	LoadedBytes      int64     `json:"loaded_bytes"`
	FirstSeconds     float64   `json:"first_seconds"`
	Seconds          []float64 `json:"seconds"`
	ProcessorSeconds []float64 `json:"processor_seconds"`
	PeakBytes        int64     `json:"peak_bytes"`
	// TensorBytes is what tensors take above the weights at most, by libtorch's allocator.
	TensorBytes int64 `json:"tensor_bytes"`
	// What the first guided step saw.
	Loss       float64 `json:"loss,omitempty"`
	Instance   float64 `json:"instance,omitempty"`
	Class      float64 `json:"class,omitempty"`
	GradNorm   float64 `json:"grad_norm,omitempty"`
	Foreground int     `json:"foreground,omitempty"`
	Labels     []int   `json:"labels,omitempty"`
	// KMeansSeconds is the grouping of a step that goes on from the step before, KMeansFirstSeconds that of a run's first.
	KMeansSeconds      float64 `json:"kmeans_seconds,omitempty"`
	KMeansFirstSeconds float64 `json:"kmeans_first_seconds,omitempty"`
}

// measure takes the steps. The first is not among those timed: it fills caches, and starts K-means from nothing.
func (f *flags) measure() (*measured, error) {
	device := torch.Device(f.device)
	in, m, err := f.open()
	if err != nil {
		return nil, err
	}
	defer in.close()
	defer m.close()
	out := &measured{Side: "isac", Torch: torch.GetInfo().Version, Device: nameOf(device)}
	if f.began > 0 {
		out.ReadySeconds = float64(time.Now().UnixNano())/1e9 - f.began
	}
	sigma := in.step.Sigma
	now := guidance.Step{Index: in.step.Index, Count: in.step.Count, Sigma: sigma}
	config := guidance.Config{Model: m, Noise: m.Noise, Method: isac.Typed(), Target: in.step.target()}
	session, err := guidance.Open(config)
	if err != nil {
		return nil, err
	}
	defer session.Close()

	torch.EmptyCache(device)
	torch.ResetPeak(device)
	before := torch.MemoryStats(device)
	out.LoadedBytes = before.Allocated
	start := torch.WithScope(func() []torch.Tensor {
		return []torch.Tensor{m.Noise.Output(in.latent.ToDevice(device), sigma).Clone().Keep()}
	})[0]
	defer start.Close()
	if err := torch.InScope(func() error { return f.steps(out, m, session, start, now, in.step) }); err != nil {
		return nil, err
	}
	after := torch.MemoryStats(device)
	out.PeakBytes, out.TensorBytes = after.Peak, after.TensorsPeak-before.Tensors
	if f.guided {
		return out, out.kmeans(config, start, now, device)
	}
	return out, nil
}

// steps takes the steps, each from where the one before has moved the latent.
func (f *flags) steps(out *measured, m *model, session *guidance.Session, x torch.Tensor, now guidance.Step, s step) error {
	device := torch.Device(f.device)
	untimed := 1
	if m.graphs() != nil {
		untimed = warmUp
	}
	for i := range untimed + f.repeat {
		torch.Synchronize(device)
		began, worked := time.Now(), processor()
		if f.guided {
			moved, report, err := guide(session, x, now)
			if err != nil {
				return err
			}
			if x = moved; i == 0 {
				out.fill(report)
			}
		}
		at := torch.Scoped(func() torch.Tensor { return m.Noise.Input(x, now.Sigma) })
		if err := m.step(at, s.Timestep, s.CFG); err != nil {
			return err
		}
		torch.Synchronize(device)
		took, spent := time.Since(began).Seconds(), (processor() - worked).Seconds()
		if i == 0 {
			out.FirstSeconds = took
		}
		if i < untimed {
			continue
		}
		out.Seconds, out.ProcessorSeconds = append(out.Seconds, took), append(out.ProcessorSeconds, spent)
	}
	return nil
}

func (m *measured) fill(r guidance.Report) {
	m.Loss, m.GradNorm, m.Foreground, m.Labels = r.Loss, r.GradNorm, r.Foreground, r.Labels
	for name, to := range map[string]*float64{"instance": &m.Instance, "class": &m.Class} {
		l, _ := r.Named(name)
		*to = l.Value
	}
}

// kmeans times the grouping alone, on the self-attention of the start x.
func (m *measured) kmeans(config guidance.Config, x torch.Tensor, now guidance.Step, device torch.Device) error {
	var seen guidance.Maps
	config.Measure = true
	config.Observe = func(maps guidance.Maps) { seen = maps }
	config.ObserveSelf = func(guidance.Step) bool { return true }
	s, err := guidance.Open(config)
	if err != nil {
		return err
	}
	defer s.Close()
	return torch.InScope(func() error {
		if _, _, err := s.Guide(x, now); err != nil {
			return err
		}
		var pixels []int
		var at []int64
		for i, is := range seen.Foreground {
			if is {
				pixels, at = append(pixels, i), append(at, int64(i))
			}
		}
		index := torch.FromInt64s(at, int64(len(at)))
		all := int64(seen.Height * seen.Width)
		fg := torch.FromFloat32s(seen.Self, all, all).IndexSelect(0, index).IndexSelect(1, index).ToDevice(device)
		o := isac.Typed()
		c := cluster.Clusterer{Kind: o.Clustering, Options: o.KMeans, Weight: o.CoordinateWeight, Norm: o.ClusterNorm}
		grid := cluster.Grid{Height: seen.Height, Width: seen.Width}
		var took []float64
		for range 4 {
			torch.Synchronize(device)
			began := time.Now()
			c.Cluster(fg, pixels, grid, config.Target.Instances())
			took = append(took, time.Since(began).Seconds())
		}
		m.KMeansFirstSeconds = took[0]
		warm := took[1:]
		slices.Sort(warm)
		m.KMeansSeconds = warm[1]
		return nil
	})
}

// nameOf is the device's own name, "cpu" of the CPU.
func nameOf(device torch.Device) string {
	for _, d := range torch.GetInfo().Devices {
		if d.Device == device && device != torch.CPU {
			return d.Name
		}
	}
	return string(device)
}
