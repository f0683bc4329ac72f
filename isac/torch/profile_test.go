package torch_test

import (
	"slices"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestProfileSeesOperatorsAndSections looks for each kind of event that the CPU has, and for their order.
func TestProfileSeesOperatorsAndSections(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		p := torch.StartProfile(torch.ProfileOptions{Events: true})
		end := torch.Section("outer")
		x := torch.FromFloat32s([]float32{3, 4})
		inner := torch.Section("inner")
		norm := x.NormAll()
		inner()
		norm.Item()
		end()
		events := p.Stop()
		find := func(kind torch.EventKind, name string) torch.Event {
			at := slices.IndexFunc(events, func(e torch.Event) bool { return e.Kind == kind && (name == "" || e.Name == name) })
			if at < 0 {
				t.Fatalf("no %s %s among %v", kind, name, events)
			}
			return events[at]
		}
		in := func(e, s torch.Event) bool { return s.Start <= e.Start && e.Start+e.Length <= s.Start+s.Length }
		outside, within := find(torch.EventSection, "outer"), find(torch.EventSection, "inner")
		op, read, write := find(torch.EventOp, "aten::norm"), find(torch.EventRead, ""), find(torch.EventWrite, "")
		if !in(within, outside) || !in(op, within) || !in(read, outside) || in(read, within) || !in(write, outside) || in(write, within) {
			t.Errorf("out of order: %v", events)
		}
	})
	p := torch.StartProfile(torch.ProfileOptions{})
	defer p.Stop()
	wantError(t, torch.Try(func() error { torch.StartProfile(torch.ProfileOptions{}); return nil }), torch.KindArgument)
}

// Without events, sections alone are timed; without a profile they are nothing.
func TestSectionsAreTimed(t *testing.T) {
	torchtest.Require(t)
	torch.Section("nobody looks")()
	p := torch.StartProfile(torch.ProfileOptions{Synchronise: true})
	end := torch.Section("a")
	time.Sleep(3 * time.Millisecond)
	end()
	events := p.Stop()
	if len(events) != 1 || events[0].Kind != torch.EventSection || events[0].Name != "a" || events[0].Length < 3*time.Millisecond {
		t.Errorf("%v", events)
	}
}
