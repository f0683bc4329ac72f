package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/isac-guidance/isac/isac/torch"
)

// sectionRow is one part of a step, without the parts within it.
type sectionRow struct {
	Name string `json:"name"`
	// Waited is the time in ms with the device waited for where parts begin and end, Asked that of the host alone, which goes on before
	// the device is done.
	Waited float64 `json:"waited_ms"`
	Asked  float64 `json:"asked_ms"`
	// DeviceTime is the time in ms of the device's kernels and copies, on a GPU.
	DeviceTime float64 `json:"device_ms"`
	// Operators counts calls of libtorch's operators, those within others too. Kernels are what a device is given: on a GPU its kernels, on
	// the CPU the innermost operators that are not views.
	Operators int `json:"operators"`
	Kernels   int `json:"kernels"`
	// Launches are the driver's calls that give a GPU something to do.
	Launches int `json:"launches"`
	// Waits are what a GPU is waited for: on a GPU the driver's calls that wait, on the CPU the operators and reads that would.
	Waits int `json:"waits"`
	// Reads and Writes are the copies from tensors to Go and from Go to tensors.
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
}

// nameRow is all that bears one name.
type nameRow struct {
	Name    string  `json:"name"`
	Section string  `json:"section,omitempty"`
	Count   int     `json:"count"`
	Time    float64 `json:"ms"`
}

// table puts the events of a step into its sections.
type table struct {
	events []torch.Event
	in     []int // of each event: its row, or -1
	rows   []sectionRow
	leaf   []bool // of each operator: none within it
	own    []time.Duration
	inRead []bool
	gpu    bool
}

func newTable(events []torch.Event) *table {
	t := &table{events: events}
	slices.SortStableFunc(t.events, func(a, b torch.Event) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.Length, a.Length))
	})
	t.nest()
	t.place()
	t.count()
	return t
}

// nest finds which operators call others, on each thread of the host.
func (t *table) nest() {
	n := len(t.events)
	t.leaf, t.own, t.inRead = make([]bool, n), make([]time.Duration, n), make([]bool, n)
	open := map[uint64][]int{}
	for i, e := range t.events {
		switch e.Kind {
		case torch.EventKernel, torch.EventCopy, torch.EventSet:
			t.gpu = true
			continue
		case torch.EventSection, torch.EventDriver:
			continue
		}
		t.leaf[i], t.own[i] = true, e.Length
		stack := open[e.Thread]
		for len(stack) > 0 {
			if p := t.events[stack[len(stack)-1]]; e.Start < p.Start+p.Length {
				break
			}
			stack = stack[:len(stack)-1]
		}
		if len(stack) > 0 {
			p := stack[len(stack)-1]
			t.own[p] -= e.Length
			t.leaf[p] = t.leaf[p] && e.Kind == torch.EventOp && !strings.HasPrefix(e.Name, "aten::")
			t.inRead[i] = t.inRead[p] || t.events[p].Kind == torch.EventRead
		}
		open[e.Thread] = append(stack, i)
	}
}

// place finds the innermost section of each event: by its time on the host, which for what a device did is that of the operator or the call
// that asked for it.
func (t *table) place() {
	var sections []torch.Event
	row := map[string]int{}
	asked, called := map[uint64]time.Duration{}, map[uint64]time.Duration{}
	for _, e := range t.events {
		switch e.Kind {
		case torch.EventSection:
			sections = append(sections, e)
			if _, is := row[e.Name]; !is {
				row[e.Name] = len(t.rows)
				t.rows = append(t.rows, sectionRow{Name: e.Name})
			}
		case torch.EventOp:
			asked[e.Own] = e.Start
		case torch.EventDriver:
			called[e.Own] = e.Start
		}
	}
	t.in = make([]int, len(t.events))
	for i, e := range t.events {
		at := e.Start
		if e.Kind == torch.EventKernel || e.Kind == torch.EventCopy || e.Kind == torch.EventSet {
			if start, is := called[e.Own]; is && e.Own != 0 {
				at = start
			} else if start, is := asked[e.Linked]; is && e.Linked != 0 {
				at = start
			}
		}
		t.in[i] = -1
		for _, s := range sections { // sorted by their beginning: the last that holds it is the innermost
			if s.Start <= at && at < s.Start+s.Length {
				t.in[i] = row[s.Name]
			}
		}
	}
}

// views are the innermost operators that give a device nothing to do.
var views = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`view as_strided transpose t permute select slice narrow expand expand_as unsqueeze squeeze detach detach_ alias
		reshape _reshape_alias _unsafe_view empty empty_like empty_strided resize_ lift_fresh to contiguous result_type set_ unbind split chunk
		flatten view_as movedim item unfold broadcast_tensors meshgrid is_floating_point is_complex`) {
		views["aten::"+name] = true
	}
}

// waits tells of an operator whether it waits for the device that holds its argument.
func waits(name string) bool {
	switch strings.TrimPrefix(name, "aten::") {
	case "_local_scalar_dense", "nonzero", "equal", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "repeat_interleave":
		return true
	}
	return false
}

// blocks tells of a driver's call whether it waits.
func blocks(name string) bool {
	return strings.Contains(name, "Synchronize") || strings.HasPrefix(name, "cudaMemcpy") && !strings.Contains(name, "Async")
}

// launches tells of a driver's call whether it gives the device something to do.
func launches(name string) bool {
	return strings.Contains(name, "Launch") || strings.Contains(name, "Memcpy") || strings.Contains(name, "Memset")
}

// waiting tells whether an event waits for the device.
func (t *table) waiting(i int) bool {
	switch e := t.events[i]; e.Kind {
	case torch.EventRead:
		return !t.gpu
	case torch.EventOp:
		return !t.gpu && waits(e.Name) && !t.inRead[i]
	case torch.EventDriver:
		return blocks(e.Name)
	}
	return false
}

func (t *table) count() {
	for i, e := range t.events {
		if t.in[i] < 0 {
			continue
		}
		r := &t.rows[t.in[i]]
		if t.waiting(i) {
			r.Waits++
		}
		switch e.Kind {
		case torch.EventOp:
			if strings.HasPrefix(e.Name, "aten::") {
				r.Operators++
				if !t.gpu && t.leaf[i] && !views[e.Name] {
					r.Kernels++
				}
			}
		case torch.EventRead:
			r.Reads++
		case torch.EventWrite:
			r.Writes++
		case torch.EventDriver:
			if launches(e.Name) {
				r.Launches++
			}
		case torch.EventKernel, torch.EventCopy, torch.EventSet:
			r.DeviceTime += milliseconds(e.Length)
			if e.Kind == torch.EventKernel {
				r.Kernels++
			}
		}
	}
}

// times sets for each section the time of one step, without the sections within it.
func (t *table) times(sections []torch.Event, steps int, set func(r *sectionRow, ms float64)) {
	sum := map[string]time.Duration{}
	for _, s := range sections {
		sum[s.Name] += s.Length
		var outer *torch.Event
		for i := range sections {
			o := &sections[i]
			if o.Start <= s.Start && s.Start+s.Length <= o.Start+o.Length && o.Length > s.Length && (outer == nil || o.Length < outer.Length) {
				outer = o
			}
		}
		if outer != nil {
			sum[outer.Name] -= s.Length
		}
	}
	for i := range t.rows {
		set(&t.rows[i], milliseconds(sum[t.rows[i].Name])/float64(steps))
	}
}

// most is how many names a list has.
const most = 40

// named adds up events by their names and sections.
func (t *table) named(want func(i int) bool, length func(i int) time.Duration) []nameRow {
	at := map[[2]string]int{}
	var out []nameRow
	for i, e := range t.events {
		if t.in[i] < 0 || !want(i) {
			continue
		}
		key := [2]string{e.Name, t.rows[t.in[i]].Name}
		if _, is := at[key]; !is {
			at[key] = len(out)
			out = append(out, nameRow{Name: e.Name, Section: key[1]})
		}
		r := &out[at[key]]
		r.Count++
		r.Time += milliseconds(length(i))
	}
	slices.SortStableFunc(out, func(a, b nameRow) int { return cmp.Compare(b.Time, a.Time) })
	return out[:min(len(out), most)]
}

func (t *table) whole(i int) time.Duration { return t.events[i].Length }

func (t *table) kernels() []nameRow {
	return t.named(func(i int) bool {
		k := t.events[i].Kind
		return k == torch.EventKernel || k == torch.EventCopy || k == torch.EventSet
	}, t.whole)
}

func (t *table) operators() []nameRow {
	return t.named(func(i int) bool { return t.events[i].Kind == torch.EventOp }, func(i int) time.Duration { return t.own[i] })
}

func (t *table) waits() []nameRow { return t.named(t.waiting, t.whole) }
