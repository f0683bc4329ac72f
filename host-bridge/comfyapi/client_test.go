package comfyapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/plugin/await"
)

// listener is a client's socket in a test.
type listener struct {
	t    testing.TB
	conn *websocket.Conn
}

// listen opens a socket. Headers are pairs.
func listen(t testing.TB, url, client string, headers ...string) *listener {
	t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	target := "ws" + strings.TrimPrefix(url, "http") + "/ws"
	if client != "" {
		target += "?clientId=" + client
	}
	conn, answer, err := websocket.DefaultDialer.Dial(target, h)
	if err != nil {
		t.Fatalf("open a socket: %v %v", err, answer)
	}
	t.Cleanup(func() { conn.Close() })
	return &listener{t, conn}
}

// say sends a text message.
func (l *listener) say(text string) {
	l.t.Helper()
	if err := l.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

// read gives the next message; a binary one has no type.
func (l *listener) read() (message.Message, []byte) {
	l.t.Helper()
	if err := l.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	kind, text, err := l.conn.ReadMessage()
	if err != nil {
		l.t.Fatalf("read from a socket: %v", err)
	}
	var m message.Message
	if kind == websocket.BinaryMessage {
		return m, text
	}
	if err := json.Unmarshal(text, &m); err != nil {
		l.t.Fatalf("%v: %s", err, text)
	}
	return m, text
}

// expect reads messages and compares their types.
func (l *listener) expect(types ...string) []json.RawMessage {
	l.t.Helper()
	var data []json.RawMessage
	for i, want := range types {
		m, text := l.read()
		if m.Type != want {
			l.t.Fatalf("message %d is %s, want %s", i, text, want)
		}
		data = append(data, m.Data)
	}
	return data
}

// until reads up to a message of a type and one member of its data, and gives the types on the way.
func (l *listener) until(kind, member string) []string {
	l.t.Helper()
	var types []string
	for end := time.Now().Add(time.Minute); ; {
		m, _ := l.read()
		types = append(types, m.Type)
		if time.Now().After(end) { // what keeps the line from falling silent comes for ever
			l.t.Fatalf("no %s with %s came, but %v", kind, member, types)
		}
		if m.Type == kind && strings.Contains(string(m.Data), member) {
			return types
		}
	}
}

// quiet checks that nothing comes for a while.
func (l *listener) quiet() {
	l.t.Helper()
	if err := l.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		l.t.Fatal(err)
	}
	if _, text, err := l.conn.ReadMessage(); err == nil {
		l.t.Errorf("it heard %s", text)
	} else if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
		l.t.Error(err)
	}
}

// sockets waits until so many are open.
func (s *Server) sockets(t testing.TB, want int) {
	t.Helper()
	await.Until(t, time.Minute, fmt.Sprintf("there are %d sockets", want), func() bool {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		return len(s.hub.all) == want
	})
}

func ptr[T any](v T) *T { return &v }

// play runs the good workflow as a worker does, with so many steps of its sampler.
func play(q *memoryQueue, id string, steps int, each func(step int)) {
	q.begin(id)
	state := func(value int, is string) {
		q.say(id, message.ProgressState{PromptID: id, Nodes: map[string]message.NodeState{
			"2": {Value: float64(value), Max: float64(steps), State: is, NodeID: "2", PromptID: id, DisplayNodeID: "2", RealNodeID: "2"},
		}})
	}
	state(0, "running")
	q.say(id, message.Executing{Node: ptr("2"), DisplayNode: ptr("2"), PromptID: id})
	for i := 1; i <= steps; i++ {
		state(i, "running")
		q.say(id, message.Progress{Value: i, Max: steps, PromptID: id, Node: "2"})
		if each != nil {
			each(i)
		}
	}
	output := json.RawMessage(fmt.Sprintf(`{"images":[{"filename":"%s.png","subfolder":"","type":"output"}]}`, id[:8]))
	q.say(id, message.Executing{Node: ptr("3"), DisplayNode: ptr("3"), PromptID: id})
	q.say(id, message.Executed{Node: "3", DisplayNode: "3", PromptID: id, Output: output})
	q.finish(id, "success", message.ExecutionSuccess{PromptID: id, Timestamp: message.At(time.Now())}, map[string]json.RawMessage{"3": output})
}
