//go:build linux

package e2e

import (
	"bytes"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/isac-guidance/isac/plugin/await"
)

func TestServeRunsAPromptOnce(t *testing.T) {
	s := serve(t, t.TempDir())
	first := s.put(prompt(1, 4))
	e := s.await(patience, first)[first]
	if e.Status.Text != "success" || !e.Status.Completed {
		t.Fatalf("the prompt ended as %+v", e.Status)
	}
	picture := s.image(e)
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	again := s.put(prompt(1, 4))
	e = s.await(patience, again)[again]
	t.Logf("the unchanged workflow was answered after %v", time.Since(began).Round(time.Millisecond))
	if !bytes.Equal(s.image(e), picture) {
		t.Error("the unchanged workflow gave another picture")
	}
	if cached := cachedNodes(t, e); len(cached) != 6 {
		t.Errorf("taken from the cache were %v, want all six nodes", cached)
	}
	other := s.put(prompt(2, 4))
	e = s.await(patience, other)[other]
	if cached := cachedNodes(t, e); len(cached) != 3 {
		t.Errorf("with another seed the cache gave %v, want checkpoint, prompt and empty latent", cached)
	}
	if bytes.Equal(s.image(e), picture) {
		t.Error("another seed gave the same picture")
	}
	s.expectMetrics()
	plugins := s.plugins()
	if status := s.stop(syscall.SIGTERM, patience); status != 0 {
		t.Errorf("after SIGTERM the status is %d", status)
	}
	expectAllGone(t, plugins)
}

// expectMetrics checks what Prometheus would read after three prompts.
func (s *server) expectMetrics() {
	s.t.Helper()
	answer, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range problems {
		s.t.Errorf("metric %s: %s", p.Metric, p.Text)
	}
	for _, want := range []string{
		`(?m)^isac_runs_total\{outcome="success"\} 3$`, `(?m)^isac_steps_total [1-9]`, `(?m)^isac_step_seconds_count [1-9]`, `(?m)^isac_queue_length\{state="pending"\} 0$`,
		`(?m)^isac_plugin_restarts_total\{.*\} 0$`, `(?m)^isac_plugin_memory_bytes\{.*\} [1-9]`, `(?m)^isac_workers 1$`,
	} {
		if !regexp.MustCompile(want).Match(text) {
			s.t.Errorf("the metrics lack %s", want)
		}
	}
}

// cachedNodes are the nodes that execution_cached named.
func cachedNodes(t *testing.T, e entry) []string {
	t.Helper()
	for _, m := range e.Status.Messages {
		if string(m[0]) == `"execution_cached"` {
			var data struct{ Nodes []string }
			decode(t, m[1], &data)
			return data.Nodes
		}
	}
	t.Fatal("the history has no execution_cached")
	return nil
}

// rounds is how often something is killed.
const rounds = 20

func TestServeIsKilledAtAnyMoment(t *testing.T) {
	data := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	finished := map[string][]byte{} // the pictures of prompts that had ended before a kill
	var all []string
	var old []int
	for round := range rounds {
		s := serve(t, data)
		for i := range 3 {
			all = append(all, s.put(prompt(100+10*round+i, 8)))
		}
		time.Sleep(time.Duration(random.Float64() * float64(1500*time.Millisecond)))
		for id, e := range s.history() {
			if finished[id] == nil && e.Status.Text == "success" {
				finished[id] = s.image(e)
			}
		}
		plugins := s.plugins()
		s.signal(syscall.SIGKILL)
		<-s.done
		old = append(old, plugins...)
	}
	began := time.Now()
	expectAllGone(t, old)
	s := serve(t, data)
	entries := s.await(patience, all...)
	t.Logf("%d of %d prompts had ended before one of %d kills; the rest after %v", len(finished), len(all), rounds, time.Since(began).Round(time.Second))
	for _, id := range all {
		e := entries[id]
		if e.Status.Text != "success" {
			// A prompt that was running at three kills is given up, and says so.
			t.Logf("prompt %s ended as %+v", id, e.Status)
			if !bytes.Contains(e.Status.Messages[len(e.Status.Messages)-1][1], []byte("worker")) {
				t.Errorf("prompt %s failed for another reason", id)
			}
			continue
		}
		picture := s.image(e)
		if before := finished[id]; before != nil && !bytes.Equal(before, picture) {
			t.Errorf("the picture of prompt %s is another one after the kill", id)
		}
	}
}

func TestPluginIsKilledAtAnyMoment(t *testing.T) {
	s := serve(t, t.TempDir())
	random := rand.New(rand.NewPCG(3, 4))
	failed := 0
	for round := range rounds {
		id := s.put(prompt(500+round, 30))
		time.Sleep(time.Duration(random.Float64() * float64(800*time.Millisecond)))
		for _, pid := range s.plugins() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		next := s.put(prompt(900+round, 2))
		entries := s.await(patience, id, next)
		if e := entries[id]; e.Status.Text != "success" {
			failed++
			last := e.Status.Messages[len(e.Status.Messages)-1]
			if string(last[0]) != `"execution_error"` || !bytes.Contains(last[1], []byte("killed")) {
				t.Errorf("the killed prompt says %s %s", last[0], last[1])
			}
		}
		if e := entries[next]; e.Status.Text != "success" {
			t.Errorf("the prompt after the kill ended as %+v", e.Status)
		}
	}
	if failed == 0 {
		t.Error("no kill met a running prompt")
	}
	t.Logf("%d of %d kills met a running node", failed, rounds)
}

func expectAllGone(t *testing.T, pids []int) {
	t.Helper()
	await.Until(t, 5*time.Second, "all plugins end after their host", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return !gone(pid) })
	})
}
