//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is for what takes a second or two on a quiet machine: the start of a host and its plugin, one small picture.
const patience = 4 * time.Minute

// server is a running `isac-host serve`, in a process group of its own.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	data string
	url  string
	log  *output
	done chan struct{}
}

// serve starts a server on a folder of data and waits until it answers.
func serve(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := serveProcess(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, args...)...)
	s.data = data
	return s
}

// serveProcess starts a long-running command of isac-host, which prints one line when it is ready: its URL, or its name.
func serveProcess(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, log: &output{}, done: make(chan struct{})}
	s.cmd = exec.Command(host, args...)
	s.cmd.Dir = root
	s.cmd.Env = append(os.Environ(), "ISAC_TORCH_SHIM="+shim, "ISAC_MODELS="+filepath.Join(root, "examples", "mini"))
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		text, _ := r.ReadString('\n')
		line <- strings.TrimSpace(text)
		_, _ = io.Copy(io.Discard, r)
		_ = s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(func() {
		s.signal(syscall.SIGKILL)
		<-s.done
		if t.Failed() {
			t.Logf("log of %v:\n%s", args, s.log.String())
		}
	})
	select {
	case s.url = <-line:
	case <-time.After(patience):
	}
	if s.url == "" {
		t.Fatalf("isac-host %v did not get ready", args)
	}
	s.url = strings.TrimSuffix(s.url, "/")
	return s
}

// signal goes to the host alone, not to its plugin.
func (s *server) signal(sig syscall.Signal) { _ = s.cmd.Process.Signal(sig) }

// stop waits for the process's end and gives its status.
func (s *server) stop(sig syscall.Signal, within time.Duration) int {
	s.t.Helper()
	s.signal(sig)
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		s.t.Fatalf("the host was still there %v after %v", within, sig)
		return -1
	}
}

// plugins are the processes that the host started.
func (s *server) plugins() []int { return children(s.t, s.cmd.Process.Pid) }

// call sends a request with a JSON body, where there is one, and reads the JSON answer into to, where that is not nil.
func (s *server) call(method, path string, body, to any) int {
	s.t.Helper()
	status, err := request(s.url+path, method, body, to)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status
}

func request(url, method string, body, to any) (int, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, url, text)
	if err != nil {
		return 0, err
	}
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if to != nil && len(b) > 0 {
		if err := json.Unmarshal(b, to); err != nil {
			return answer.StatusCode, fmt.Errorf("%w: %.200s", err, b)
		}
	}
	return answer.StatusCode, nil
}

// prompt is a small workflow: one picture of few steps. Each seed is work of its own.
func prompt(seed, steps int) map[string]any {
	return map[string]any{
		"1": node("CheckpointLoaderSimple", map[string]any{"ckpt_name": "mini"}),
		"2": node("CLIPTextEncode", map[string]any{"clip": []any{"1", 1}, "text": "a photo of two cats"}),
		"4": node("EmptyLatentImage", map[string]any{"width": 64, "height": 64, "batch_size": 1}),
		"5": node("KSampler", map[string]any{"model": []any{"1", 0}, "positive": []any{"2", 0}, "negative": []any{"2", 0}, "latent_image": []any{"4", 0},
			"seed": seed, "steps": steps, "cfg": 3, "sampler_name": "ddim", "scheduler": "ddim_uniform", "denoise": 1}),
		"6": node("VAEDecode", map[string]any{"samples": []any{"5", 0}, "vae": []any{"1", 2}}),
		"7": node("SaveImage", map[string]any{"images": []any{"6", 0}, "filename_prefix": "e2e"}),
	}
}

func node(class string, inputs map[string]any) map[string]any {
	return map[string]any{"class_type": class, "inputs": inputs}
}

// put puts a prompt on the queue and gives its id.
func (s *server) put(workflow any) string {
	s.t.Helper()
	var answer struct {
		PromptID   string          `json:"prompt_id"`
		NodeErrors json.RawMessage `json:"node_errors"`
		Error      json.RawMessage
	}
	if status := s.call("POST", "/prompt", map[string]any{"prompt": workflow}, &answer); status != http.StatusOK {
		s.t.Fatalf("POST /prompt: %d %s %s", status, answer.Error, answer.NodeErrors)
	}
	return answer.PromptID
}

// entry is one prompt of /history.
type entry struct {
	Outputs map[string]struct {
		Images []struct{ Filename, Subfolder, Type string }
	}
	Status struct {
		Text      string `json:"status_str"`
		Completed bool
		Messages  [][2]json.RawMessage
	}
}

func (s *server) history() map[string]entry {
	s.t.Helper()
	entries := map[string]entry{}
	s.call("GET", "/history", nil, &entries)
	return entries
}

// await waits until all these prompts are in the history, as long as one after the other comes there within this time.
func (s *server) await(within time.Duration, ids ...string) map[string]entry {
	s.t.Helper()
	deadline, least := time.Now().Add(within), len(ids)
	for {
		entries := s.history()
		missing := 0
		for _, id := range ids {
			if _, ok := entries[id]; !ok {
				missing++
			}
		}
		if missing == 0 {
			return entries
		}
		if missing < least {
			deadline, least = time.Now().Add(within), missing
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d of %d prompts did not end, and none did for %v", missing, len(ids), within)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// image fetches the one image of an entry.
func (s *server) image(e entry) []byte {
	s.t.Helper()
	for _, out := range e.Outputs {
		if len(out.Images) > 0 {
			i := out.Images[0]
			return s.view(i.Filename, i.Subfolder, i.Type)
		}
	}
	s.t.Fatalf("no image in %+v", e)
	return nil
}

// view reads one image of the server.
func (s *server) view(name, subfolder, kind string) []byte {
	s.t.Helper()
	answer, err := http.Get(fmt.Sprintf("%s/view?filename=%s&subfolder=%s&type=%s", s.url, name, subfolder, kind))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("GET /view of %s: %d, %v", name, answer.StatusCode, err)
	}
	return b
}
