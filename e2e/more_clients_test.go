//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Clients of ComfyUI that people know, unmodified, in the folder that make test-clients fills.
func TestMoreClients(t *testing.T) {
	dir := os.Getenv("ISAC_CLIENTS")
	if dir == "" {
		t.Skip("ISAC_CLIENTS names no folder: make test-clients installs clients of ComfyUI and runs this")
	}
	s := serve(t, t.TempDir())
	scripts := filepath.Join(root, clients, "more")
	python := filepath.Join(dir, "venv", "bin", "python")
	plain := titled(t, filepath.Join(root, "examples", "workflows", "plain.json"))
	// answer is what they print, all of them together.
	type answer struct {
		Images                     []int
		Uploaded, Format           string
		Models                     []struct{ Value string }
		Samplers, Schedulers, Vaes []string
		Image                      int
		OK                         bool
		Data                       struct{ Status string }
	}
	for _, client := range []struct {
		name    string
		command []string
		in      string // working directory, below dir
		check   func(t *testing.T, got answer)
	}{
		{name: "open-webui", command: []string{python, filepath.Join(scripts, "webui.py"), s.url, "mini", filepath.Join(dir, "webui")}, check: func(t *testing.T, got answer) {
			expectPictures(t, got.Images, 2)
			if got.Uploaded != "cat.png" {
				t.Errorf("its picture was uploaded as %q", got.Uploaded)
			}
		}},
		{name: "comfy-api-simplified", command: []string{python, filepath.Join(scripts, "simplified.py"), s.url, plain, "SaveImage"}, check: func(t *testing.T, got answer) {
			expectPictures(t, got.Images, 1)
		}},
		{name: "comfy-script", command: []string{python, filepath.Join(scripts, "script.py"), s.url, "mini"}, check: func(t *testing.T, got answer) {
			expectPictures(t, got.Images, 2)
		}},
		{name: "comfy-cli", command: []string{filepath.Join(dir, "venv", "bin", "comfy"), "--skip-prompt", "--no-enable-telemetry", "run", "--workflow", plain, "--wait",
			"--host", "127.0.0.1", "--port", strings.Trim(s.url[strings.LastIndex(s.url, ":")+1:], "/")}, check: func(t *testing.T, got answer) {
			if !got.OK || got.Data.Status != "completed" {
				t.Errorf("it says %+v", got)
			}
		}},
		{name: "sillytavern", in: "sillytavern", command: []string{"node", filepath.Join(scripts, "sillytavern.mjs"), s.url, "mini"}, check: func(t *testing.T, got answer) {
			if len(got.Models) != 1 || got.Models[0].Value != "mini" || !slices.Contains(got.Samplers, "euler") || !slices.Contains(got.Schedulers, "karras") || got.Vaes == nil {
				t.Errorf("its lists are %+v", got)
			}
			if got.Image < 500 || got.Format != "png" {
				t.Errorf("its picture has %d bytes of %s", got.Image, got.Format)
			}
		}},
	} {
		t.Run(client.name, func(t *testing.T) {
			version, err := os.ReadFile(filepath.Join(dir, client.name+".done"))
			if err != nil {
				why, _ := os.ReadFile(filepath.Join(dir, client.name+".skipped"))
				t.Skipf("%s%v", why, err)
			}
			t.Logf("%s %s", client.name, version)
			cmd := exec.CommandContext(t.Context(), client.command[0], client.command[1:]...)
			cmd.Dir = filepath.Join(dir, client.in)
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
			cmd.WaitDelay = time.Second
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out, stderr.String())
			}
			// Some print more than their answer, which is the last line.
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			var got answer
			decode(t, []byte(lines[len(lines)-1]), &got)
			client.check(t, got)
		})
	}
}

// titled copies a workflow and gives every node its class as a title: comfy_api_simplified finds them by it.
func titled(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var nodes map[string]map[string]any
	decode(t, text, &nodes)
	for _, node := range nodes {
		node["_meta"] = map[string]any{"title": node["class_type"]}
	}
	if text, err = json.Marshal(nodes); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(out, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}
