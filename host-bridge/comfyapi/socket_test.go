package comfyapi

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
)

// TestOneRun is what clients hear of a prompt, in its order, and who hears it.
func TestOneRun(t *testing.T) {
	q := newMemory(testNodes())
	_, web := start(t, q)
	mine, other := listen(t, web.URL, "me"), listen(t, web.URL+"/api", "you")
	if data := mine.expect("status")[0]; string(data) != `{"status":{"exec_info":{"queue_remaining":0}},"sid":"me"}` {
		t.Errorf("the first status is %s", data)
	}
	other.expect("status")
	prompt(t, web.URL, idA, "me")
	play(q, idA, 2, nil)
	data := mine.expect("status", "status", "execution_start", "execution_cached", "progress_state", "executing",
		"progress_state", "progress", "progress_state", "progress", "executing", "executed", "execution_success", "status", "executing")
	if string(data[0]) != `{"status":{"exec_info":{"queue_remaining":1}}}` || string(data[13]) != `{"status":{"exec_info":{"queue_remaining":0}}}` {
		t.Errorf("the queue was told as %s and %s", data[0], data[13])
	}
	if last := string(data[14]); last != `{"node":null,"prompt_id":"`+idA+`"}` {
		t.Errorf("the last message is %s", last)
	}
	other.expect("status", "status", "status")
	other.quiet()
	// When the end is told the history has it.
	entry := at(t, get(t, web.URL+"/history/"+idA), idA)
	if at(t, entry, "status", "status_str") != "success" || at(t, entry, "status", "completed") != true ||
		at(t, entry, "outputs", "3", "images", 0, "filename") != "11111111.png" || at(t, entry, "meta", "3", "display_node") != "3" ||
		at(t, entry, "status", "messages", 0, 0) != "execution_start" || at(t, entry, "status", "messages", 2, 1, "prompt_id") != idA {
		t.Errorf("the history says %v", entry)
	}
	job := get(t, web.URL+"/api/jobs/"+idA)
	if at(t, job, "status") != "completed" || at(t, job, "outputs_count") != json.Number("1") || at(t, job, "preview_output", "nodeId") != "3" ||
		at(t, job, "preview_output", "mediaType") != "images" || at(t, job, "execution_status", "status_str") != "success" {
		t.Errorf("the job is %v", job)
	}
}

// TestFailuresAreTold: an error to its client, an interruption to all; the end comes after both.
func TestFailuresAreTold(t *testing.T) {
	q := newMemory(testNodes())
	_, web := start(t, q)
	mine, other := listen(t, web.URL, "me"), listen(t, web.URL, "you")
	mine.expect("status")
	other.expect("status")
	prompt(t, web.URL, idA, "me")
	q.begin(idA)
	q.finish(idA, queue.Failed, message.ExecutionError{PromptID: idA, NodeID: "2", ExceptionMessage: "no"}, nil)
	mine.expect("status", "status", "execution_start", "execution_cached", "execution_error", "status", "executing")
	prompt(t, web.URL, idB, "me")
	q.begin(idB)
	call(t, "POST", web.URL+"/interrupt", `{"prompt_id":"`+idA+`"}`)
	call(t, "POST", web.URL+"/interrupt", `{"prompt_id":"`+idB+`"}`)
	call(t, "POST", web.URL+"/interrupt", ``)
	if got := strings.Join(q.interrupted, " "); got != idB+" " {
		t.Errorf("interrupted were %q: only what runs may be", got)
	}
	q.finish(idB, queue.Interrupted, message.ExecutionInterrupted{PromptID: idB, NodeID: "2"}, nil)
	mine.expect("status", "status", "execution_start", "execution_cached", "execution_interrupted", "status", "executing")
	other.expect("status", "status", "status", "status", "status", "execution_interrupted", "status")
	entries := get(t, web.URL+"/history")
	for id, kind := range map[string]string{idA: "execution_error", idB: "execution_interrupted"} {
		if at(t, entries, id, "status", "status_str") != "error" || at(t, entries, id, "status", "completed") != false || at(t, entries, id, "status", "messages", 2, 0) != kind {
			t.Errorf("%s: %v", kind, at(t, entries, id, "status"))
		}
	}
	jobs := get(t, web.URL+"/api/jobs?status=failed,cancelled&sort_order=asc")
	if at(t, jobs, "jobs", 0, "status") != "failed" || at(t, jobs, "jobs", 0, "execution_error", "exception_message") != "no" || at(t, jobs, "jobs", 1, "status") != "cancelled" {
		t.Errorf("jobs: %v", jobs)
	}
}

// TestHistoryPages: max_items and offset as in ComfyUI, oldest first.
func TestHistoryPages(t *testing.T) {
	q := newMemory(testNodes())
	_, web := start(t, q)
	ids := []string{idB, idA, "99999999-2222-4333-8444-555555555555"}
	for _, id := range ids {
		prompt(t, web.URL, id, "")
		play(q, id, 1, nil)
	}
	for query, want := range map[string][]string{
		"": ids, "?max_items=2": ids[1:], "?max_items=2&offset=0": ids[:2], "?max_items=1&offset=1": ids[1:2], "?offset=2": ids[2:],
		"?max_items=200": ids, "?max_items=0": nil, "?offset=9": nil, "?max_items=2&offset=-1": ids[1:],
	} {
		_, _, text := call(t, "GET", web.URL+"/history"+query, "")
		d := json.NewDecoder(strings.NewReader(text))
		var got []string
		for depth := 0; ; {
			tok, err := d.Token()
			if err != nil {
				break
			}
			switch tok := tok.(type) {
			case json.Delim:
				if tok == '{' || tok == '[' {
					depth++
				} else {
					depth--
				}
			case string:
				if depth == 1 && isUUID(tok) {
					got = append(got, tok)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	call(t, "POST", web.URL+"/history", `{"delete":["`+idA+`"]}`)
	if n := len(q.History()); n != 2 {
		t.Errorf("%d are left after one was deleted", n)
	}
	call(t, "POST", web.URL+"/history", `{"clear":true}`)
	if n := len(q.History()); n != 0 {
		t.Errorf("%d are left after all were", n)
	}
}

// TestFeatureFlags: they count only in the first message.
func TestFeatureFlags(t *testing.T) {
	q := newMemory(testNodes())
	_, web := start(t, q)
	modern, late, plain := listen(t, web.URL, "modern"), listen(t, web.URL, "late"), listen(t, web.URL, "plain")
	const flags = `{"type":"feature_flags","data":{"supports_preview_metadata":true}}`
	modern.say(flags)
	late.say(`{"type":"hello"}`)
	late.say(flags)
	modern.expect("status")
	if data := modern.expect("feature_flags")[0]; !strings.Contains(string(data), `"supports_preview_metadata":true`) {
		t.Errorf("the server's flags are %s", data)
	}
	for _, client := range []string{"modern", "late", "plain"} {
		id := newUUID()
		prompt(t, web.URL, id, client)
		q.begin(id)
		q.show(id, "2", []byte("\xff\xd8picture"))
	}
	picture := func(l *listener) []byte {
		for range 10 { // status, execution_start and what comes so that the line is not silent
			if m, data := l.read(); m.Type == "" {
				return data
			} else if m.Type == "feature_flags" {
				t.Error("flags that came late were answered")
			}
		}
		t.Fatal("no preview came")
		return nil
	}
	described := picture(modern)
	length := binary.BigEndian.Uint32(described[4:])
	var about map[string]any
	if err := json.Unmarshal(described[8:8+length], &about); err != nil || binary.BigEndian.Uint32(described) != 4 {
		t.Fatalf("%v: %q", err, described)
	}
	if about["node_id"] != "2" || about["image_type"] != "image/jpeg" || about["display_node_id"] != "2" || string(described[8+length:]) != "\xff\xd8picture" {
		t.Errorf("the described preview is %q", described)
	}
	for _, l := range []*listener{late, plain} {
		if got := string(picture(l)); got != "\x00\x00\x00\x01\x00\x00\x00\x01\xff\xd8picture" {
			t.Errorf("the plain preview is %q", got)
		}
	}
}

// TestReconnect: the newest socket of an id hears, also after the older one is gone, and is told where the run is.
func TestReconnect(t *testing.T) {
	q := newMemory(testNodes())
	s, web := start(t, q)
	old := listen(t, web.URL, "me")
	old.expect("status")
	prompt(t, web.URL, idA, "me")
	q.begin(idA)
	q.say(idA, message.Executing{Node: ptr("2"), DisplayNode: ptr("2"), PromptID: idA})
	old.expect("status", "status", "execution_start", "execution_cached", "executing")
	next := listen(t, web.URL, "me")
	if data := next.expect("status", "executing")[1]; string(data) != `{"node":"2","display_node":"2","prompt_id":"`+idA+`"}` {
		t.Errorf("after it came back it was told %s", data)
	}
	q.say(idA, message.Progress{Value: 1, Max: 2, PromptID: idA, Node: "2"})
	next.expect("progress")
	old.quiet()
	old.conn.Close()
	s.sockets(t, 1)
	q.say(idA, message.Progress{Value: 2, Max: 2, PromptID: idA, Node: "2"})
	next.expect("progress") // in ComfyUI the end of the old socket has taken the new one out
	third := listen(t, web.URL, "me")
	third.expect("status", "executing")
	third.conn.Close()
	s.sockets(t, 1)
	q.say(idA, message.Progress{Value: 2, Max: 2, PromptID: idA, Node: "2"})
	next.expect("progress") // the one that is left has its id back
	// A client without an id gets one of its own.
	var first struct{ SID string }
	if err := json.Unmarshal(listen(t, web.URL, "").expect("status")[0], &first); err != nil || len(first.SID) != 32 {
		t.Errorf("sid %q, %v", first.SID, err)
	}
}

// TestNobodyIsSilent: while a prompt runs every socket hears something, also one whose prompt waits; then it is quiet.
func TestNobodyIsSilent(t *testing.T) {
	q := newMemory(testNodes())
	_, web := start(t, q, func(c *Config) { c.Limits.SocketSilence = 200 * time.Millisecond })
	mine, other := listen(t, web.URL, "me"), listen(t, web.URL, "you")
	mine.expect("status")
	other.expect("status")
	other.quiet() // nothing runs: no need to say so
	prompt(t, web.URL, idA, "me")
	q.begin(idA)
	q.say(idA, message.ProgressState{PromptID: idA, Nodes: map[string]message.NodeState{"2": {State: "running"}}})
	mine.until("progress_state", idA)
	for range 5 {
		if m, text := mine.read(); m.Type != "progress_state" {
			t.Errorf("in the silence came %s", text)
		}
	}
	waiting := listen(t, web.URL, "other")
	waiting.expect("status", "status", "status")
	q.finish(idA, queue.Success, message.ExecutionSuccess{PromptID: idA}, nil)
	mine.until("executing", "null")
	time.Sleep(250 * time.Millisecond)
	mine.quiet()
}

// TestBadSockets: what is too much closes the socket, or does not let it in; nonsense is passed over.
func TestBadSockets(t *testing.T) {
	q := newMemory(testNodes())
	s, web := start(t, q, func(c *Config) { c.Limits.SocketMessageBytes, c.Limits.Sockets = 1000, 2 })
	l := listen(t, web.URL, "me")
	l.expect("status")
	l.say("no json")
	l.say(`{"type":7}`)
	l.say(`{"type":"feature_flags","data":"x"}`)
	if err := l.conn.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	l.expect("feature_flags") // nonsense was no first message, as in ComfyUI
	l.say(strings.Repeat("x", 1001))
	if _, _, err := l.conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("after a message that is too large: %v", err)
	}
	s.sockets(t, 0)
	listen(t, web.URL, "a")
	listen(t, web.URL, "b")
	s.sockets(t, 2)
	_, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/ws", nil)
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a third socket of two: %v", err)
	}
	if _, answer, err = websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/ws", http.Header{"Origin": {"http://evil.example"}}); err == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("from another page: %v", err)
	}
	if status, _, text := call(t, "GET", web.URL+"/ws?clientId="+strings.Repeat("x", 201), ""); status != 400 || !strings.Contains(text, "at most 200") {
		t.Errorf("a long id: %d %s", status, text)
	}
}

// TestTokenOpensSockets: in the query, in the header, in the cookie.
func TestTokenOpensSockets(t *testing.T) {
	s, web := start(t, newMemory(testNodes()), func(c *Config) { c.Listen, c.Token = "0.0.0.0:1", token })
	g := newGuard(s.config)
	listen(t, web.URL, "a&token="+token).expect("status")
	listen(t, web.URL, "a", "Authorization", "Bearer "+token).expect("status")
	listen(t, web.URL, "a", "Cookie", g.cookie+"="+g.pass).expect("status")
	if _, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/ws", nil); err == nil || answer.StatusCode != 401 {
		t.Errorf("without: %v", err)
	}
}

// TestShutdown: sockets get what waits for them, and a goodbye.
func TestShutdown(t *testing.T) {
	q := newMemory(testNodes())
	s, web := start(t, q)
	l := listen(t, web.URL, "me")
	l.expect("status")
	q.tell(queue.Notice{Changed: true})
	ended := make(chan error, 1)
	go func() {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		ended <- s.Shutdown(ctx)
	}()
	l.expect("status")
	if _, _, err := l.conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the socket ended with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if status, _, text := call(t, "GET", web.URL+"/ws", "", "Upgrade", "websocket", "Connection", "Upgrade"); status != 503 {
		t.Errorf("a socket after the end: %d %s", status, text)
	}
}

// TestLogs: who asks sees the log as it is written.
func TestLogs(t *testing.T) {
	logs := NewLogs(2)
	_, web := start(t, newMemory(testNodes()), func(c *Config) { c.Logs = logs })
	l := listen(t, web.URL, "me")
	l.expect("status")
	log := newLogger(logs)
	log.Info("first")
	if status, _, _ := call(t, "PATCH", web.URL+"/internal/logs/subscribe", `{"clientId":"me","enabled":true}`); status != 200 {
		t.Error(status)
	}
	log.Debug("not this")
	log.With("a", 1).WithGroup("g").Warn("second", "b", "x\ny")
	if data := string(l.expect("logs")[0]); !strings.Contains(data, `"m":"level=WARN msg=second a=1 g.b=\"x\\ny\"\n"`) {
		t.Errorf("the line is %s", data)
	}
	log.Info(strings.Repeat("long ", 1000))
	raw := get(t, web.URL+"/internal/logs/raw")
	if entries := at(t, raw, "entries").([]any); len(entries) != 2 || len(at(t, entries, 1, "m").(string)) > maxLogLine+10 {
		t.Errorf("kept were %v", entries)
	}
	l.expect("logs")
	call(t, "PATCH", web.URL+"/internal/logs/subscribe", `{"clientId":"me","enabled":false}`)
	log.Info("nobody")
	l.quiet()
}
