package torch

/*
#include "isac_call.h"
#cgo noescape isac_section_begin
*/
import "C"

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// EventKind says what an event of a profile is.
type EventKind string

// The kinds of events.
const (
	// EventSection is a part of the work with a name of ours: from Section to its end.
	EventSection EventKind = "section"
	// EventOp is an operator of libtorch ("aten::mul"), those that it calls being events too.
	EventOp EventKind = "op"
	// EventRead and EventWrite are values copied from a tensor to Go, which waits for the device, and to a new tensor from Go.
	EventRead  EventKind = "read"
	EventWrite EventKind = "write"
	// EventDriver is a call of the driver of a GPU: a launch, a copy, a wait.
	EventDriver EventKind = "driver"
	// EventKernel, EventCopy and EventSet are what a GPU did.
	EventKernel EventKind = "kernel"
	EventCopy   EventKind = "copy"
	EventSet    EventKind = "set"
)

// Event is one thing that was done while a profile was made.
type Event struct {
	Kind EventKind
	Name string
	// Start and Length are on the clock of the device that the event is of, brought to the host's; Start counts from the first event.
	Start, Length time.Duration
	// Own and Linked tie a GPU's event to the call of the driver and to the operator that asked for it; 0 where that is not known.
	Own, Linked uint64
	// Thread is the host's, of whatever number.
	Thread uint64
	// Bytes is the size of a copy, 0 where it is not known.
	Bytes int64
}

// Profile is a profile while it is made. There is one at a time in a process.
type Profile struct {
	device      Device
	events      bool
	synchronise bool
	mutex       sync.Mutex
	began       time.Time
	sections    []Event
}

// ProfileOptions say what a profile holds beside sections.
type ProfileOptions struct {
	// Device is the one whose work is looked at: on a GPU its own events are recorded too, where libtorch has Kineto (2.6 and later).
	Device Device
	// Events records operators, and what a GPU did. It makes everything slower; without it sections alone are timed, at no cost.
	Events bool
	// Synchronise waits for the device where a section begins and ends, so that its time is that of the work and not of asking for it.
	Synchronise bool
}

var profiling atomic.Pointer[Profile]

// StartProfile begins a profile. Stop it on the OS thread that it was started on. It panics with *Error where one is being made already.
func StartProfile(o ProfileOptions) *Profile {
	ensure()
	p := &Profile{device: o.Device, events: o.Events, synchronise: o.Synchronise, began: time.Now()}
	if !profiling.CompareAndSwap(nil, p) {
		fail(KindArgument, "profile", "a profile is being made already: stop it first")
	}
	if p.events {
		runtime.LockOSThread()
		if r := C.isac_profile_begin(C.int32_t(o.Device.pack())); r.err != nil {
			profiling.Store(nil)
			runtime.UnlockOSThread()
			check(r.err)
		}
	}
	return p
}

// Stop ends the profile and gives what happened, in no particular order.
func (p *Profile) Stop() []Event {
	if !profiling.CompareAndSwap(p, nil) {
		fail(KindArgument, "profile", "the profile is stopped already")
	}
	if !p.events {
		return p.sections
	}
	defer runtime.UnlockOSThread()
	r := C.isac_profile_end()
	check(r.err)
	defer C.free(unsafe.Pointer(r.value))
	return parseEvents(C.GoString(r.value))
}

// Section says that what is done until end is called is a part of the work with a name, for profiles. It costs nothing where none is
// made. Sections may lie within one another; end is called on the same OS thread.
func Section(name string) (end func()) {
	p := profiling.Load()
	if p == nil {
		return func() {}
	}
	if p.synchronise {
		Synchronize(p.device)
	}
	if !p.events {
		start := time.Now()
		return func() {
			if p.synchronise {
				Synchronize(p.device)
			}
			p.mutex.Lock()
			defer p.mutex.Unlock()
			p.sections = append(p.sections, Event{Kind: EventSection, Name: name, Start: start.Sub(p.began), Length: time.Since(start)})
		}
	}
	runtime.LockOSThread()
	text := C.CString(sectionPrefix + name)
	defer C.free(unsafe.Pointer(text))
	check(C.isac_section_begin(text).err)
	return func() {
		defer runtime.UnlockOSThread()
		if p.synchronise {
			Synchronize(p.device)
		}
		check(C.isac_section_end().err)
	}
}

// sectionPrefix tells sections from what libtorch names; the shim has its own, "isac::".
const sectionPrefix = "isac:"

// parseEvents reads the lines of shim/profile.cc.
func parseEvents(text string) []Event {
	var out []Event
	first := int64(-1)
	var starts []int64
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 8 {
			continue
		}
		var n [6]int64
		for i := range n {
			n[i], _ = strconv.ParseInt(f[2+i], 10, 64)
		}
		e := Event{Kind: EventKind(f[0]), Name: f[1], Length: time.Duration(n[1]), Own: uint64(n[2]), Linked: uint64(n[3]), Thread: uint64(n[4]), Bytes: n[5]}
		switch {
		case f[1] == "isac::read":
			e.Kind = EventRead
		case f[1] == "isac::from_data":
			e.Kind = EventWrite
		case e.Kind == EventSection:
			e.Name = strings.TrimPrefix(e.Name, sectionPrefix)
		}
		out, starts = append(out, e), append(starts, n[0])
		if first < 0 || n[0] < first {
			first = n[0]
		}
	}
	for i := range out {
		out[i].Start = time.Duration(starts[i] - first)
	}
	return out
}
