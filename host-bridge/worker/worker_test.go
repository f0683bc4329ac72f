package worker

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic/served"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/plugin"
)

const sum = `{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"Number","inputs":{"value":4}},
	"3":{"class_type":"Add","inputs":{"a":["1",0],"b":["2",0]}},"4":{"class_type":"Show","inputs":{"value":["3",0]}}}`

// shows tells whether a node gave this text to show.
func shows(r *queue.Record, node, text string) bool {
	return strings.Contains(string(r.Result.Outputs[node]), `"text":["`+text+`"]`)
}

func TestAPromptRuns(t *testing.T) {
	w := work(t, self(t))
	r := w.run(sum, "4")
	if r.State != queue.Success || !shows(r, "4", "7") {
		t.Fatalf("it ended as %s with %s", r.State, r.Result.Outputs)
	}
	file, _, err := w.Files().Open(t.Context(), "output", "sums", "show_001_.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if text, err := io.ReadAll(file); err != nil || string(text) != "7" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	again := w.run(sum, "4")
	if got := cached(t, again); len(got) != 4 || again.State != queue.Success || !shows(again, "4", "7") {
		t.Errorf("again it took %v from the cache and gave %s", got, again.Result.Outputs)
	}
	changed := w.run(strings.Replace(sum, `"value":4`, `"value":5`, 1), "4")
	if got := cached(t, changed); !slices.Equal(got, []string{"1"}) || !shows(changed, "4", "8") {
		t.Errorf("changed it took %v from the cache and gave %s", got, changed.Result.Outputs)
	}
	if err := w.Free(t.Context(), true, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cache is empty", func() bool { return len(cached(t, w.run(sum, "4"))) == 0 })
}

func TestAPluginDiesInAPrompt(t *testing.T) {
	w := work(t, self(t))
	before := w.process()
	e := failure(t, w.run(`{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"Die","inputs":{"a":["1",0]}},
		"3":{"class_type":"Show","inputs":{"value":["2",0]}}}`, "3"))
	if e.ExceptionType != "PluginExited" || e.NodeID != "2" || e.NodeType != "Die" ||
		!strings.Contains(e.ExceptionMessage, "plugin exited: exit status 7") || !strings.Contains(e.ExceptionMessage, "the last words of the plugin") {
		t.Errorf("it says %+v", e)
	}
	if r := w.run(sum, "4"); r.State != queue.Success || len(cached(t, r)) != 0 {
		t.Errorf("the next prompt ended as %s and took %v from the cache of a process that is gone", r.State, cached(t, r))
	}
	if now := w.process(); now == before || w.worker.Info().PluginRestarts != 1 {
		t.Errorf("the plugin was started again %d times", w.worker.Info().PluginRestarts)
	}
}

// A plugin that dies while nothing runs costs no prompt.
func TestAPluginDiesBetweenPrompts(t *testing.T) {
	w := work(t, self(t))
	w.run(sum, "4")
	process, err := os.FindProcess(w.process().PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker has seen it", func() bool { return w.worker.Info().PluginRestarts == 1 })
	if r := w.run(sum, "4"); r.State != queue.Success || len(cached(t, r)) != 0 {
		t.Errorf("the next prompt ended as %s, %v from the cache", r.State, cached(t, r))
	}
}

// A plugin that no longer starts is tried a number of times; then prompts are told why they cannot run, and it is tried on.
func TestAPluginNoLongerStarts(t *testing.T) {
	obstacle := filepath.Join(t.TempDir(), "obstacle")
	w := work(t, self(t, served.EnvObstacle+"="+obstacle))
	w.run(sum, "4")
	m := w.worker.pool.members[0]
	m.mu.Lock()
	m.delay = func(int) time.Duration { return 20 * time.Millisecond }
	m.mu.Unlock()
	if err := os.WriteFile(obstacle, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(w.process().PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker is in trouble", func() bool { return w.worker.Info().Trouble != "" })
	e := failure(t, w.run(sum, "4"))
	for _, want := range []string{"did not start", "times in a row", "exit status 3", "the plugin stumbles over " + obstacle} {
		if !strings.Contains(e.ExceptionMessage, want) {
			t.Errorf("%q does not say %q", e.ExceptionMessage, want)
		}
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	eventually(t, "prompts run again", func() bool { return w.run(sum, "4").State == queue.Success })
	if trouble := w.worker.Info().Trouble; trouble != "" {
		t.Errorf("the trouble is still %q", trouble)
	}
}

func TestAPluginThatNeverStarted(t *testing.T) {
	obstacle := filepath.Join(t.TempDir(), "obstacle")
	if err := os.WriteFile(obstacle, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := New(t.Context(), Config{Plugins: []plugin.Config{self(t, served.EnvObstacle+"="+obstacle)}})
	if err == nil || !strings.Contains(err.Error(), "the plugin stumbles over "+obstacle) {
		t.Errorf("the error is %v", err)
	}
}

func TestTwoPluginsOfOneClass(t *testing.T) {
	_, err := New(t.Context(), Config{Plugins: []plugin.Config{self(t), self(t)}})
	if err == nil || !strings.Contains(err.Error(), "more than one plugin offers a node class") || !strings.Contains(err.Error(), "\n  Add: ") {
		t.Errorf("the error is %v", err)
	}
	if _, err := New(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "a worker needs a plugin") {
		t.Errorf("without a plugin: %v", err)
	}
}

func TestTwoPlugins(t *testing.T) {
	w := work(t, self(t), self(t, served.EnvPrefix+"=B_"))
	r := w.run(`{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"Show","inputs":{"value":["1",0]}},
		"3":{"class_type":"B_Number","inputs":{"value":4}},"4":{"class_type":"B_Show","inputs":{"value":["3",0]}}}`, "2", "4")
	if r.State != queue.Success || !shows(r, "2", "3") || !shows(r, "4", "4") {
		t.Errorf("it ended as %s with %s", r.State, r.Result.Outputs)
	}
	e := failure(t, w.run(`{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"B_Show","inputs":{"value":["1",0]}}}`, "2"))
	if !strings.Contains(e.ExceptionMessage, "only text and numbers can go from one plugin to another") {
		t.Errorf("a handle of another plugin: %q", e.ExceptionMessage)
	}
}

func TestInterrupt(t *testing.T) {
	w := work(t, self(t))
	id := w.put(`{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"Wait","inputs":{"a":["1",0]}},
		"3":{"class_type":"Show","inputs":{"value":["2",0]}}}`, "3")
	eventually(t, "it runs", func() bool { r, _ := w.Record(id); return r != nil && r.State == queue.Running })
	if err := w.Interrupt(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := w.await(id); r.State != queue.Interrupted {
		t.Errorf("it ended as %s", r.State)
	}
	if r := w.run(sum, "4"); r.State != queue.Success {
		t.Errorf("the next one ended as %s", r.State)
	}
}

// TestInterruptKeepsThePlugin: a plugin that stops in time is not started again.
func TestInterruptKeepsThePlugin(t *testing.T) {
	w := work(t, self(t))
	old := w.process()
	id := w.put(`{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"Wait","inputs":{"a":["1",0]}},
		"3":{"class_type":"Show","inputs":{"value":["2",0]}}}`, "3")
	eventually(t, "it runs", func() bool { r, _ := w.Record(id); return r != nil && r.State == queue.Running })
	if err := w.Interrupt(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.await(id)
	if r := w.run(sum, "4"); r.State != queue.Success {
		t.Errorf("the next one ended as %s", r.State)
	}
	time.Sleep(1500 * time.Millisecond) // more than its patience
	if w.process() != old || !alive(old) {
		t.Error("it was started again")
	}
}

// What cannot run says so in the prompt's end, and the worker goes on.
func TestWhatCannotRun(t *testing.T) {
	w := work(t, self(t))
	for workflow, want := range map[string]string{
		`{"1":{"class_type":"Nobody","inputs":{}}}`: "Nobody",
		`[]`: "", `{}`: "",
		`{"1":{"class_type":"Number","inputs":{"value":1}},"2":{"class_type":"Number","inputs":{"value":0}},
			"3":{"class_type":"Divide","inputs":{"a":["1",0],"b":["2",0]}},"4":{"class_type":"Show","inputs":{"value":["3",0]}}}`: "division by zero",
	} {
		if e := failure(t, w.run(workflow)); !strings.Contains(e.ExceptionMessage, want) {
			t.Errorf("%s: it says %q", workflow, e.ExceptionMessage)
		}
	}
	if r := w.run(sum, "4"); r.State != queue.Success {
		t.Errorf("the next one ended as %s", r.State)
	}
}
