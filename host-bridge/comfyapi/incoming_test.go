package comfyapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin/await"
)

// raw sends the beginning of a request and leaves the connection open.
func raw(t *testing.T, url, begin string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, begin); err != nil {
		t.Fatal(err)
	}
	return conn
}

// halfUpload is a POST /upload/image of which so many bytes of the file are sent, and a hundred times as many are promised.
func halfUpload(sent int) string {
	head := "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"
	return fmt.Sprintf("POST /upload/image HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s%s",
		100*(sent+len(head)), head, strings.Repeat("x", sent))
}

// answerOf reads what a raw connection is answered.
func answerOf(t *testing.T, conn net.Conn, within time.Duration) (*http.Response, string) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// TestStalledUploads: uploads of which nothing more comes neither stay nor keep others out.
func TestStalledUploads(t *testing.T) {
	const stall = 700 * time.Millisecond
	s, web := start(t, newMemory(testNodes()), func(c *Config) { c.Limits.Uploads, c.Limits.BodyStall = 2, stall })
	upload := func(size int) time.Duration {
		t.Helper()
		began := time.Now()
		body, kind := form(t, strings.Repeat("y", size), "good.png")
		if status, _, text := call(t, "POST", web.URL+"/upload/image", body, "Content-Type", kind); status != 200 {
			t.Errorf("an upload beside stalled ones: %d %s", status, text)
		}
		return time.Since(began)
	}
	var stalled []net.Conn
	for _, sent := range []int{0, 10, 1000, 500_000, 0, 10} {
		stalled = append(stalled, raw(t, web.URL, halfUpload(sent)))
	}
	if took := upload(3 << 20); took > stall {
		t.Errorf("beside small ones that stall an upload took %v", took)
	}
	for range 4 {
		stalled = append(stalled, raw(t, web.URL, halfUpload(2<<20)))
	}
	await.Until(t, 5*time.Second, "large uploads have all places", func() bool { return len(s.uploads) == 2 })
	if took := upload(1000); took > stall {
		t.Errorf("beside large ones that stall a small upload took %v", took)
	}
	if took := upload(3 << 20); took > 4*stall {
		t.Errorf("beside large ones that stall a large upload took %v", took)
	}
	for i, conn := range stalled {
		answer, text := answerOf(t, conn, 5*time.Second)
		if answer.StatusCode != http.StatusRequestTimeout || !answer.Close || !strings.Contains(text, "then nothing in time") {
			t.Errorf("stalled upload %d: %s %s", i, answer.Status, text)
		}
	}
}

// TestSlowBodies: what comes slowly, but comes, is taken; what trickles is not. The stalls of both together are longer than one may be.
func TestSlowBodies(t *testing.T) {
	const stall = 600 * time.Millisecond
	_, web := start(t, newMemory(testNodes()), func(c *Config) { c.Limits.BodyStall, c.Limits.BodyRate = stall, 2000 })
	body := `{"prompt":` + good + strings.Repeat(" ", 6000) + `}`
	slowly := func(piece int) *http.Response {
		conn := raw(t, web.URL, fmt.Sprintf("POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len(body)))
		go func() {
			for rest := body; rest != ""; rest = rest[min(piece, len(rest)):] {
				if _, err := io.WriteString(conn, rest[:min(piece, len(rest))]); err != nil {
					return // the server has had enough
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		answer, _ := answerOf(t, conn, 20*time.Second)
		return answer
	}
	if answer := slowly(400); answer.StatusCode != http.StatusOK {
		t.Errorf("4000 bytes a second: %s", answer.Status)
	}
	began := time.Now()
	if answer := slowly(10); answer.StatusCode != http.StatusRequestTimeout {
		t.Errorf("100 bytes a second: %s", answer.Status)
	}
	if took := time.Since(began); took > 4*stall {
		t.Errorf("100 bytes a second were borne for %v", took)
	}
}

// TestShutdownDoesNotWaitForSlowClients: whatever half of a request or of its answer is on its way, the end takes seconds and is no
// error.
func TestShutdownDoesNotWaitForSlowClients(t *testing.T) {
	q := newMemory(testNodes())
	q.files.files[fileKey("output", "", "large.png")] = make([]byte, 64<<20)
	s, err := New(Config{Listen: "127.0.0.1:0"}, q)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	halves := map[string]net.Conn{}
	for name, text := range map[string]string{
		"nothing":          "",
		"half a header":    "GET /queue HTT",
		"half an upload":   halfUpload(100_000),
		"half a large one": halfUpload(2 << 20),
		"half a prompt":    "POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{\"prompt\":",
		"half userdata":    "POST /userdata/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
		"an answer unread": "GET /view?filename=large.png HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		halves[name] = raw(t, s.URL(), text)
	}
	await.Until(t, 5*time.Second, "the server receives them", func() bool {
		s.incoming.mu.Lock()
		defer s.incoming.mu.Unlock()
		return len(s.incoming.bodies) == 4 && len(s.uploads) == 1
	})
	began := time.Now()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(began); took > 3*sendTime {
		t.Errorf("the end took %v", took)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	for name, conn := range halves {
		if strings.Contains(name, "upload") || strings.Contains(name, "prompt") || strings.Contains(name, "userdata") {
			if answer, text := answerOf(t, conn, time.Second); answer.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s: %s %s", name, answer.Status, text)
			}
		}
	}
}
