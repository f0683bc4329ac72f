//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serving is an isac-host serve in this process.
type serving struct {
	url    *url.URL
	stderr *bytes.Buffer
	signal func()
	status <-chan int
}

// startServe serves in a folder, with this executable as the plugin.
func startServe(t *testing.T, data string, args ...string) *serving {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ISAC_PLUGIN", self)
	ctx, cancel := context.WithCancelCause(context.Background())
	out, in := io.Pipe()
	status := make(chan int, 1)
	s := &serving{stderr: &bytes.Buffer{}, signal: func() { cancel(errInterrupted) }, status: status}
	go func() {
		status <- execute(append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...),
			&console{ctx: ctx, stdin: strings.NewReader(""), stdout: in, stderr: s.stderr})
		in.Close()
	}()
	t.Cleanup(s.signal)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("it did not start: status %d, %s", <-status, s.stderr)
	}
	if s.url, err = url.Parse(strings.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSignalWithHalfARequest: whatever clients have half sent, the first signal ends the server in order, within seconds.
func TestSignalWithHalfARequest(t *testing.T) {
	for name, begin := range map[string]string{
		"nothing":       "",
		"half a header": "POST /upload/im",
		"half an upload": "POST /upload/image HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000000\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n" + strings.Repeat("x", 2<<20),
		"half a prompt": "POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			s := startServe(t, t.TempDir())
			conn, err := net.Dial("tcp", s.url.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, begin); err != nil {
				t.Fatal(err)
			}
			answer, err := http.Get(s.url.JoinPath("queue").String()) // by now the other one is being read
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			began := time.Now()
			s.signal()
			if status := <-s.status; status != exitDone {
				t.Errorf("the status is %d\n%s", status, s.stderr)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the end took %v", took)
			}
		})
	}
}

// TestDataFolderLinks: pictures are not written through a link, and not where a file lies; nothing that is there is touched.
func TestDataFolderLinks(t *testing.T) {
	for _, name := range dataFolders {
		data, elsewhere := t.TempDir(), t.TempDir()
		kept := filepath.Join(elsewhere, "kept")
		if err := os.WriteFile(kept, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for what, target := range map[string]string{"elsewhere": elsewhere, "nowhere": filepath.Join(data, "nowhere"), "to a sibling": "queue"} {
			at := filepath.Join(data, name)
			if err := os.Symlink(target, at); err != nil {
				t.Fatal(err)
			}
			status, _, stderr := invoke(t, t.Context(), data, "", "serve", "--data", data, "--listen", "127.0.0.1:0", "--no-worker")
			if want := fmt.Sprintf("DIR/%s is a link to", name); status != exitWrong || !strings.Contains(stderr, want) {
				t.Errorf("%s is a link %s: status %d, %s", name, what, status, stderr)
			}
			if err := os.Remove(at); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(kept); err != nil {
			t.Error(err)
		}
	}
	// The data folder itself was named by hand.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, link, "--no-worker")
	s.signal()
	if status := <-s.status; status != exitDone {
		t.Errorf("with a link as the data folder: status %d\n%s", status, s.stderr)
	}
}

// TestServeTLSFlags: both files or none, and they have to be there.
func TestServeTLSFlags(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"--tls-cert", "cert.pem"}, "give both"},
		{[]string{"--tls-key", "key.pem"}, "give both"},
		{[]string{"--tls-cert", "cert.pem", "--tls-key", "key.pem"}, "cert.pem: no such file"},
	} {
		dir := t.TempDir()
		status, _, stderr := invoke(t, t.Context(), dir, "", append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--no-worker"}, row.args...)...)
		if status != exitWrong || !strings.Contains(stderr, row.want) {
			t.Errorf("%v: status %d, %s", row.args, status, stderr)
		}
	}
}
