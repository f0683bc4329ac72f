package comfyapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/plugin"
)

// TestMetrics plays two runs and reads what was counted.
func TestMetrics(t *testing.T) {
	q := newMemory(testNodes())
	q.workers = []queue.WorkerInfo{{ID: "w1", Host: "box", PluginRestarts: 3, PluginBytes: 12345, PromptID: "x",
		Devices: []plugin.Device{{Name: "cuda:1", Description: "H200", TotalBytes: 10, FreeBytes: 4, AllocatedBytes: 2, ReservedBytes: 5}},
		Torch:   plugin.Torch{Version: "2.6"}}}
	_, web := start(t, q)
	l := listen(t, web.URL, "me")
	l.expect("status")
	prompt(t, web.URL, idA, "me")
	play(q, idA, 4, func(int) { time.Sleep(5 * time.Millisecond) })
	prompt(t, web.URL, idB, "me")
	q.begin(idB)
	q.say(idB, message.GuidedStep{PromptID: idB, Node: "2", Report: json.RawMessage(`{}`)})
	q.finish(idB, queue.Failed, message.ExecutionError{PromptID: idB}, nil)
	prompt(t, web.URL, newUUID(), "me")
	_, _, text := call(t, "GET", web.URL+"/metrics", "")
	for _, want := range []string{
		`isac_runs_total{outcome="success"} 1`, `isac_runs_total{outcome="error"} 1`, `isac_runs_total{outcome="interrupted"} 0`,
		"isac_steps_total 4", "isac_step_seconds_count 3", "isac_guided_steps_total 1", "isac_run_seconds_count 2", "isac_wait_seconds_count 2",
		`isac_queue_length{state="pending"} 1`, `isac_queue_length{state="running"} 0`, "isac_history_length 2", "isac_sockets 1",
		"isac_workers 1", `isac_plugin_restarts_total{host="box",worker="w1"} 3`, `isac_plugin_memory_bytes{host="box",worker="w1"} 12345`,
		`isac_worker_busy{host="box",worker="w1"} 1`, "isac_previews_dropped_total 0", "isac_sockets_closed_total 0",
		`isac_http_requests_total{route="POST /prompt",status="200"} 3`, "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want+" ") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	stats := get(t, web.URL+"/system_stats")
	d := at(t, stats, "devices", 0)
	if at(t, d, "name") != "cuda:1 H200" || at(t, d, "type") != "cuda" || at(t, d, "index") != json.Number("1") || at(t, d, "torch_vram_free") != json.Number("3") ||
		at(t, stats, "system", "pytorch_version") != "2.6" {
		t.Errorf("system_stats: %v", stats)
	}
	call(t, "POST", web.URL+"/free", `{"unload_models":true}`)
	call(t, "POST", web.URL+"/free", `{}`)
	if fmt.Sprint(q.freed) != "[true false]" {
		t.Errorf("freed: %v", q.freed)
	}
}

// TestRequestsAreLogged at debug, without tokens.
func TestRequestsAreLogged(t *testing.T) {
	var lines bytes.Buffer
	_, web := start(t, newMemory(testNodes()), func(c *Config) {
		c.Token, c.Log = token, slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	call(t, "GET", web.URL+"/queue?token="+token, "")
	call(t, "GET", web.URL+"/nothing", "", "Authorization", "Bearer "+token)
	text := lines.String()
	if !strings.Contains(text, "path=/queue status=200") || !strings.Contains(text, "path=/nothing status=404") || strings.Contains(text, token) {
		t.Errorf("the log is\n%s", text)
	}
}

// TestPanics: a mistake of ours costs one request.
func TestPanics(t *testing.T) {
	q := newMemory(testNodes())
	q.nodes = map[string]json.RawMessage{"X": json.RawMessage(`{`)} // no JSON: the object cannot be written
	s, web := start(t, q)
	s.queue = nil
	if status, header, text := call(t, "GET", web.URL+"/queue", ""); status != 500 || !strings.Contains(text, "a mistake of the host") {
		t.Errorf("%d %s", status, text)
	} else {
		checkFailure(t, "panic", header, text)
	}
	if status, _, _ := call(t, "GET", web.URL+"/features", ""); status != 200 {
		t.Errorf("after a panic: %d", status)
	}
	s.queue = q
}
