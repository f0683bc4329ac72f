package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin/await"
)

func task(id, class, title string) *graph.Task {
	return &graph.Task{Node: &graph.Node{ID: id, Class: class, Title: title}, Schema: &graph.Schema{Class: class}}
}

func stepReport(index, image int, loss float64, skipped string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"image":%d,"index":%d,"count":20,"loss":%v,"losses":[{"name":"instance","value":%v},{"name":"class","value":0.25}],"skipped":%q}`, image, index, loss, loss-0.25, skipped))
}

func TestLosses(t *testing.T) {
	tests := []struct {
		name         string
		reports      []json.RawMessage
		now, summary string
	}{
		{"none", nil, "", ""},
		{"nothing was moved", []json.RawMessage{json.RawMessage(`{"image":0,"index":0,"loss":2,"moves":0}`)}, "loss 2.000", "measured in 1 steps, loss 2.000 to 2.000"},
		{"a wanted step was skipped", []json.RawMessage{stepReport(0, 0, 1, ""), json.RawMessage(`{"image":0,"index":1,"skipped":"the gradient is zero","wanted":true}`)},
			"not guided: the gradient is zero", "guided in 1 of 2 steps, loss 1.000 to 1.000; left out at 1 that it was asked for: the gradient is zero"},
		{"not a report", []json.RawMessage{json.RawMessage(`[1]`), json.RawMessage(`{"loss":1}`)}, "", ""},
		{"one image", []json.RawMessage{stepReport(0, 0, 1, ""), stepReport(1, 0, 0.5, "")},
			"loss 0.500 (instance 0.250, class 0.250)", "guided in 2 steps, loss 1.000 to 0.500"},
		{"mean of a batch", []json.RawMessage{stepReport(0, 0, 1, ""), stepReport(0, 1, 2, ""), stepReport(0, 2, 9, "no foreground")},
			"loss 1.500 (instance 1.250, class 0.250)", "guided in 1 steps, loss 1.500 to 1.500"},
		{"window", []json.RawMessage{stepReport(0, 0, 1, ""), stepReport(1, 0, 0, "after the window")},
			"not guided: after the window", "guided in 1 of 2 steps, loss 1.000 to 1.000"},
		{"never", []json.RawMessage{stepReport(0, 0, 0, "one instance")}, "not guided: one instance", "not guided: one instance"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l losses
			for _, r := range test.reports {
				l.add(r)
			}
			if got := l.now(); got != test.now {
				t.Errorf("now is %q, want %q", got, test.now)
			}
			if got := l.summary(); got != test.summary {
				t.Errorf("summary is %q, want %q", got, test.summary)
			}
		})
	}
}

// sampling plays a sampler that takes a second for a step, and then a node that fails.
func sampling(d display, passes func()) {
	sampler, save := task("3", "KSampler", "guided"), task("9", "SaveImage", "")
	d.event(graph.NodeStarted{Task: sampler, Position: 9, Count: 10})
	for i := range 5 {
		passes()
		d.event(graph.NodeStep{Task: sampler, Report: stepReport(i, 0, 1-float64(i)/10, "")})
		d.event(graph.NodeProgress{Task: sampler, Value: i + 1, Max: 5})
	}
	d.event(graph.NodeFinished{Task: sampler, Result: &graph.NodeResult{Task: sampler, Elapsed: 5 * time.Second, UI: json.RawMessage(`{"text":["two cats, a dog"]}`)}})
	d.event(graph.NodeStarted{Task: save, Position: 10, Count: 10})
	d.event(graph.NodeFailed{Task: save, Err: errors.New("disk is full"), Elapsed: 90 * time.Second})
	d.close()
}

func TestLinesComeNowAndThen(t *testing.T) {
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	l := newLines(&out)
	l.now = func() time.Time { return clock }
	sampling(l, func() { clock = clock.Add(time.Second) })
	const want = `[ 9/10] 3 KSampler "guided"
        2 of 5, loss 0.900 (instance 0.650, class 0.250)
        4 of 5, loss 0.700 (instance 0.450, class 0.250)
        two cats, a dog
        guided in 5 steps, loss 1.000 to 0.600
        done in 5.0 s
[10/10] 9 SaveImage
        stopped after 1m30s
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// buffer may be written to by mpb while the test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Len()
}

func TestBars(t *testing.T) {
	out := new(buffer)
	drawn := func() {
		for range 2 { // the first may have been under way
			before := out.len()
			await.Until(t, time.Minute, "the bars are drawn", func() bool { return out.len() > before })
		}
	}
	sampling(newBars(out, mpb.WithAutoRefresh(), mpb.WithWidth(140), mpb.WithRefreshRate(5*time.Millisecond)), drawn)
	got := out.b.String()
	for _, want := range []string{
		`[ 9/10] 3 KSampler "guided"`, "loss 0.900 (instance 0.650, class 0.250)", "[ 9/10] 3 KSampler \"guided\": 5.0 s\n        two cats, a dog\n        guided in 5 steps, loss 1.000 to 0.600\n", "[10/10] 9 SaveImage: stopped after 1m30s\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the terminal never showed %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%q", got)
	}
}

func TestSharedNodesSayWhose(t *testing.T) {
	shared := task("5", "KSampler", "")
	if got := notes(&graph.NodeResult{Task: shared, SameAs: "3"}, &losses{}); len(got) != 1 || got[0] != "same as node 3" {
		t.Errorf("notes are %q", got)
	}
}
