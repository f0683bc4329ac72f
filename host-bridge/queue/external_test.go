package queue

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

// envNATSPort is the environment of a process that is a nats-server: its port.
const envNATSPort = "ISAC_TEST_NATS_PORT"

// externalToken is what the nats-server wants.
const externalToken = "the-token-of-this-test"

// TestMain makes the test's own executable a nats-server where it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv(envNATSPort) == "" {
		os.Exit(m.Run())
	}
	port, err := strconv.Atoi(os.Getenv(envNATSPort))
	if err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, Authorization: externalToken,
	})
	if err != nil {
		panic(err)
	}
	s.Start()
	if s.ReadyForConnections(time.Minute) {
		fmt.Println("ready")
	}
	s.WaitForShutdown()
}

// external is a nats-server in a process of its own.
type external struct {
	t    *testing.T
	port int
	cmd  *exec.Cmd
}

func startExternal(t *testing.T) *external {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &external{t: t, port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	t.Cleanup(func() { e.kill() })
	e.start()
	return e
}

func (e *external) start() {
	e.t.Helper()
	e.cmd = exec.Command(os.Args[0])
	e.cmd.Env = append(os.Environ(), fmt.Sprint(envNATSPort, "=", e.port))
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		e.t.Fatalf("the nats-server says %q, %v", line, err)
	}
}

func (e *external) kill() {
	if e.cmd != nil {
		_ = e.cmd.Process.Kill()
		_ = e.cmd.Wait() // it was killed
		e.cmd = nil
	}
}

func (e *external) remote(token string) Remote {
	return Remote{URL: fmt.Sprintf("nats://%s@127.0.0.1:%d", token, e.port), Name: "test"}
}

// A nats-server that is killed and started again costs time, and nothing else: every prompt ends once, every file is there once.
func TestTheNATSServerIsKilled(t *testing.T) {
	nats := startExternal(t)
	s := open(t, t.TempDir(), func(o *Options) { o.Remote = nats.remote(externalToken) })
	if s.WorkerURL() != "" {
		t.Errorf("workers are told of an embedded server at %s", s.WorkerURL())
	}
	picture := bytes.Repeat([]byte("picture "), 300<<10) // in several messages
	draw := &fake{run: func(ctx context.Context, r *Record, events *Publisher) (State, *Result) {
		time.Sleep(20 * time.Millisecond)
		saved, err := events.Files().Write(ctx, "output", []plugin.File{
			{Name: r.ID + "_%05d_.png", Data: picture}, {Name: r.ID + "_%05d_.txt", Data: []byte("small")}})
		if ctx.Err() != nil { // on a busy machine a worker may be taken for dead, and another one runs its prompt
			return untilStopped(ctx, r, events)
		}
		if err != nil || len(saved) != 2 {
			t.Errorf("%s: %v", r.ID, err)
			return Failed, &Result{}
		}
		return done(r, events)
	}}
	for _, id := range []string{"one", "two"} {
		c, err := Connect(t.Context(), nats.remote(externalToken), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		take(t, c, id, draw)
	}
	for i := range 40 {
		put(t, s, fmt.Sprint("p", i))
	}
	for _, ended := range []int{5, 20} {
		eventually(t, "some have ended", func() bool { return len(s.History()) >= ended })
		nats.kill()
		time.Sleep(300 * time.Millisecond)
		nats.start()
	}
	await.Until(t, 3*time.Minute, "all have ended", func() bool { return len(s.History()) == 40 })
	for _, r := range s.History() {
		if r.State != Success {
			t.Errorf("%s ended as %s", r.ID, r.State)
		}
	}
	files, err := s.Files().List(t.Context(), "output")
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	for _, r := range s.History() {
		runs += r.Attempt
	}
	if len(files) < 80 || len(files) > 2*runs {
		t.Errorf("%d files of 40 prompts, which ran %d times", len(files), runs)
	}
	t.Logf("40 prompts ran %d times", runs)
}

func TestANATSThatCannotBeUsed(t *testing.T) {
	nats := startExternal(t)
	for _, remote := range []Remote{nats.remote("secret"), {URL: "nats://secret@127.0.0.1:1"}, {URL: "nats://secret@nowhere:port"}, {URL: "what is this"}} {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		s, err := Open(ctx, Options{Data: t.TempDir(), Remote: remote})
		stop()
		if err == nil {
			s.Close()
			t.Errorf("%s was taken", remote.URL)
			continue
		}
		if strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "connect to nats at ") {
			t.Errorf("%s: the error is %q", remote.URL, err)
		}
	}
	both := Options{Data: t.TempDir(), Remote: nats.remote(externalToken), Listen: "127.0.0.1:0"}
	if _, err := Open(t.Context(), both); err == nil || !strings.Contains(err.Error(), "give one of them") {
		t.Errorf("with an address to listen on too: %v", err)
	}
}

// What a run gives to show must fit into the store: one that does not ends as an error, and the worker goes on.
func TestAResultThatIsTooLarge(t *testing.T) {
	s := open(t, t.TempDir())
	take(t, s.Conn(), "w", &fake{run: func(_ context.Context, r *Record, events *Publisher) (State, *Result) {
		state, result := done(r, events)
		if r.ID == "large" {
			result.Outputs["1"] = []byte(`"` + strings.Repeat("x", embeddedPayload) + `"`)
			if err := events.Fits(result); err == nil {
				t.Error("it is said to fit")
			}
		}
		return state, result
	}})
	put(t, s, "large", "small")
	eventually(t, "both have ended", func() bool { return len(s.History()) == 2 })
	r, _ := s.Record("large")
	if last := r.Result.Messages[len(r.Result.Messages)-1]; r.State != Failed || last.Type != "execution_error" || !strings.Contains(string(last.Data), "may be stored") {
		t.Errorf("it ended as %s with %s", r.State, last.Data)
	}
	if state(s, "small") != Success {
		t.Errorf("the next one ended as %s", state(s, "small"))
	}
}
