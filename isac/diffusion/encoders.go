package diffusion

import (
	"cmp"
	"sync"

	"github.com/isac-guidance/isac/isac/diffusion/internal/memory"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/torch"
)

// TextOffload says when text encoders leave the device for the machine's memory. They come back when a text is encoded, to the bit.
type TextOffload int

const (
	// TextOffloadAuto has them leave a GPU when something does not fit beside them: a run, counted without gradient checkpoints and with all
	// its images at once, the decoding of latents, a model that is loaded. On the CPU they stay.
	TextOffloadAuto TextOffload = iota
	// TextOffloadAlways has them leave before each run, also on the CPU, where it saves nothing.
	TextOffloadAlways
	// TextOffloadNever has them stay.
	TextOffloadNever
)

// Encoders are text encoders of models that are loaded: those of one device all leave it where one of the models needs room there. The zero
// value has none, and is ready. Several goroutines may use it.
type Encoders struct {
	mu  sync.Mutex
	all []*clip.TextModel
	// everywhere has TextOffloadAuto treat the CPU as a GPU: for tests.
	everywhere bool
}

// Held tells how many bytes of text encoders lie on a device, and how many that belong there are in the machine's memory for now. It waits for no
// encoding.
func (e *Encoders) Held(d torch.Device) (device, away int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.all {
		if whichOf(m.Device()) == whichOf(d) {
			there, gone := m.Held()
			device, away = device+there, away+gone
		}
	}
	return device, away
}

// whichOf gives a device one name.
func whichOf(d torch.Device) torch.Device {
	if d == "cuda" {
		return "cuda:0"
	}
	return cmp.Or(d, torch.CPU)
}

func (e *Encoders) add(models []*clip.TextModel) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, models...)
}

// remove is for before the models are closed: afterwards nobody moves them.
func (e *Encoders) remove(models []*clip.TextModel) {
	e.mu.Lock()
	defer e.mu.Unlock()
	gone := make(map[*clip.TextModel]bool, len(models))
	for _, m := range models {
		gone[m] = true
	}
	var left []*clip.TextModel
	for _, m := range e.all {
		if !gone[m] {
			left = append(left, m)
		}
	}
	e.all = left
}

// leave moves those of a device away that the machine has room for, and tells whether any was moved. One that cannot be moved stays: whoever
// wants the room is told that there is none.
func (e *Encoders) leave(d torch.Device) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	any := false
	for _, m := range e.all {
		there, _ := m.Held()
		if whichOf(m.Device()) != whichOf(d) || there == 0 || there+fixed > memory.Of(d, 0).Host {
			continue
		}
		if bytes, err := m.Park(); err == nil && bytes > 0 {
			any = true
		}
	}
	return any
}

// leaves tells whether text encoders may leave the device at all.
func (m machine) leaves() bool {
	return m.encoders != nil && (m.offload.from(m.device) || m.encoders.everywhere && m.offload == TextOffloadAuto)
}

// from tells whether text encoders may leave a device.
func (o TextOffload) from(d torch.Device) bool {
	return o == TextOffloadAlways || o == TextOffloadAuto && d != torch.CPU
}

// spare has the text encoders leave, and gives back what is kept in reserve. It tells whether any of them left.
func (m machine) spare() bool {
	left := m.leaves() && m.encoders.leave(m.device)
	m.empty()
	return left
}

// clear has the text encoders leave before something that takes n, where it does not fit beside them, or always.
func (m machine) clear(n need) {
	if !m.leaves() {
		return
	}
	there, _ := m.encoders.Held(m.device)
	if there > 0 && (m.offload == TextOffloadAlways || whole(n.room().device) > memory.Of(m.device, m.maxMemory).Device) {
		m.spare()
	}
}

// wanted is what a run would take with all its images at once and no gradient checkpoints that nobody asked for: both cost more time
// than moving text encoders does.
func (p *Pipeline) wanted(r *SampleRequest, shape []int64) need {
	wide := *p
	wide.autoCheckpoint = false
	return wide.needOf(r, shape, shape[0])
}

// returning is what the pipeline's text encoders take on the device when they come back.
func (p *Pipeline) returning() need {
	n := need{}
	for _, e := range p.model.Text {
		_, away := e.Model.Held()
		n.device += float64(away)
	}
	return n
}

// enter makes those text encoders known to runs that the pipeline does not share with base, which may be nil.
func (p *Pipeline) enter(base *Pipeline) {
	p.texts = nil
	for i, e := range p.model.Text {
		if base == nil || base.model.Text[i].Model != e.Model {
			p.texts = append(p.texts, e.Model)
		}
	}
	p.encoders.add(p.texts)
}
