package comfyapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
)

// scripted is a worker that says what a worker with a model says, without one.
type scripted struct {
	steps   int
	preview []byte
	// pause is how long a step takes.
	pause time.Duration
}

func (w *scripted) Info() queue.WorkerInfo { return queue.WorkerInfo{Host: "test"} }

func (w *scripted) Describe(context.Context) (map[string]json.RawMessage, error) {
	return testNodes(), nil
}

func (w *scripted) Free(context.Context, bool, bool) error { return nil }

func (w *scripted) Run(ctx context.Context, r *queue.Record, events *queue.Publisher) (queue.State, *queue.Result) {
	first := events.Message(message.ExecutionStart{PromptID: r.ID, Timestamp: message.At(time.Now())})
	events.Message(message.ExecutionCached{PromptID: r.ID, Nodes: []string{}})
	events.Message(message.Executing{Node: ptr("2"), DisplayNode: ptr("2"), PromptID: r.ID})
	for i := 1; i <= w.steps; i++ {
		time.Sleep(w.pause)
		events.Message(message.ProgressState{PromptID: r.ID, Nodes: map[string]message.NodeState{
			"2": {Value: float64(i), Max: float64(w.steps), State: "running", NodeID: "2", PromptID: r.ID, DisplayNodeID: "2", RealNodeID: "2"},
		}})
		events.Message(message.Progress{Value: i, Max: w.steps, PromptID: r.ID, Node: "2"})
		events.Preview("2", "jpeg", w.preview)
	}
	output := json.RawMessage(`{"images":[]}`)
	events.Message(message.Executed{Node: "3", DisplayNode: "3", PromptID: r.ID, Output: output})
	last := events.Message(message.ExecutionSuccess{PromptID: r.ID, Timestamp: message.At(time.Now())})
	return queue.Success, &queue.Result{Outputs: map[string]json.RawMessage{"3": output}, Messages: []message.Message{first, last}}
}

// crowd serves a real queue to a scripted worker.
func crowd(t testing.TB, w *scripted) (*Server, *httptest.Server) {
	t.Helper()
	q := openReal(t)
	s, web := start(t, q)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Conn().Consume(ctx, q.LocalWorker(), w) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, web
}

// deaf opens a socket that never reads.
func deaf(t testing.TB, url, client string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/ws?clientId="+client, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// hearing has a socket read whatever comes.
func hearing(conn *websocket.Conn) {
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}

// run puts a prompt for a client and waits for its end on the client's socket.
func run(t testing.TB, url string, own *listener, client string) time.Duration {
	t.Helper()
	begin := time.Now()
	status, _, text := call(t, "POST", url+"/prompt", `{"prompt":`+good+`,"client_id":"`+client+`","extra_data":{"preview_method":"auto"}}`)
	if status != http.StatusOK {
		t.Fatalf("POST /prompt: %d %s", status, text)
	}
	own.until("executing", `"node":null`)
	return time.Since(begin)
}

// TestDeafSocketsHoldNobodyUp: fifty sockets that never read, each with a prompt of its own, keep nothing from a client that does,
// and what waits for each of them stays within the limits.
func TestDeafSocketsHoldNobodyUp(t *testing.T) {
	const sockets = 50
	w := &scripted{steps: 40, preview: make([]byte, 200<<10)} // more than the system keeps for a connection
	s, web := crowd(t, w)
	for i := range sockets {
		deaf(t, web.URL, fmt.Sprint("deaf", i))
	}
	own := listen(t, web.URL, "me")
	s.sockets(t, sockets+1)
	for i := range 10 {
		status, _, text := call(t, "POST", web.URL+"/prompt", fmt.Sprintf(`{"prompt":%s,"client_id":"deaf%d","extra_data":{"preview_method":"auto"}}`, good, i))
		if status != http.StatusOK {
			t.Fatalf("POST /prompt: %d %s", status, text)
		}
	}
	run(t, web.URL, own, "me")
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	limits := Limits{}.withDefaults()
	for c := range s.hub.all {
		c.out.mu.Lock()
		if len(c.out.frames) > limits.SocketFrames || c.out.bytes > limits.SocketBytes {
			t.Errorf("for %s wait %d messages of %d bytes", c.sid, len(c.out.frames), c.out.bytes)
		}
		c.out.mu.Unlock()
	}
}

// BenchmarkCrowd compares a run that one client watches with one beside which 200 sockets are open, 50 of which never read. It
// prints the ratio of the two, and what a socket costs in memory, its client's end included. A run takes 20 steps, in the time in
// which the mini model takes them on two cores; "unpaced" takes none but what the messages take, which no model does.
//
//	go test -run XXX -bench Crowd -benchtime 5x ./host-bridge/comfyapi
func BenchmarkCrowd(b *testing.B) {
	for name, pause := range map[string]time.Duration{"mini": 40 * time.Millisecond, "unpaced": 0} {
		b.Run(name, func(b *testing.B) {
			const all, never = 200, 50
			s, web := crowd(b, &scripted{steps: 20, pause: pause, preview: make([]byte, 20<<10)})
			own := listen(b, web.URL, "me")
			runs := func() (took time.Duration) {
				run(b, web.URL, own, "me") // the first one is not counted
				for range b.N {
					took += run(b, web.URL, own, "me")
				}
				return took
			}
			alone := runs()
			before := heap()
			var conns []*websocket.Conn
			for i := range all - 1 {
				conns = append(conns, deaf(b, web.URL, fmt.Sprint("client", i)))
				if i >= never {
					go hearing(conns[i])
				}
			}
			s.sockets(b, all)
			b.ResetTimer()
			among := runs()
			b.StopTimer()
			after := heap()
			for _, conn := range conns {
				conn.Close()
			}
			s.sockets(b, 1)
			alone = (alone + runs()) / 2 // whatever else the machine does comes and goes
			b.ReportMetric(float64(among)/float64(alone), "ratio")
			b.ReportMetric(float64(alone.Microseconds())/1000/float64(b.N), "ms-alone")
			b.ReportMetric(float64(after-before)/1024/(all-1), "KiB/socket")
		})
	}
}

// heap is what is in use, client ends of this process included.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
