//go:build unix

package main_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// TestServeListen starts the program by hand, guides a step over its address, and ends it by a signal.
func TestServeListen(t *testing.T) {
	address, cmd := listening(t)
	c, err := plugin.Dial(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Guidance.Open(t.Context(), plugin.GuidanceConfig{
		Checkpoint: "mini", Prompt: "two cats and a dog", Parametrisation: plugin.ParametrisationComfyUI, Options: map[string]string{"end": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	latents := plugin.NewTensor(make([]float32, 4*16*16), 1, 4, 16, 16)
	if _, err := session.Guide(t.Context(), plugin.GuidanceStep{Count: 4, Level: plugin.AtSigma(10), Latents: latents}); err != nil {
		t.Error(err)
	}
	// The session is open still: a host that stays must not keep the process.
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := ends(cmd); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if err := session.Close(); err == nil {
		t.Log("the session closed before the process ended")
	}
}

// TestServeListenEndsWithItsHost holds its lifeline and lets go.
func TestServeListenEndsWithItsHost(t *testing.T) {
	_, cmd := listening(t, plugin.EnvLifeline+"=stdin")
	if err := lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ends(cmd); err != nil {
		t.Errorf("without a host: %v", err)
	}
}

// lifeline is the other end of the last program's standard input.
var lifeline *os.File

// listening starts the program on a free port and returns its address.
func listening(t *testing.T, env ...string) (string, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--models", filepath.Join("..", "..", "examples", "mini"))
	cmd.Env = append(append(os.Environ(), shim(t)), env...)
	cmd.Stderr = os.Stderr
	stdin, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	cmd.Stdin, lifeline = stdin, other
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		other.Close()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("it says %q, %v", line, err)
	}
	return address, cmd
}

// ends waits for the program's end.
func ends(cmd *exec.Cmd) error {
	kill := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	return cmd.Wait()
}

func TestServeRefuses(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"serve", "--listen", "0.0.0.0:0"}, "prove who they are"},
		{[]string{"--listen", "nowhere"}, "expected HOST:PORT"},
		{[]string{"serve", "--tls-cert", "main.go"}, "are for --listen"},
		{[]string{"serve", "--listen", "0.0.0.0:0", "--tls-key", "missing.key"}, "missing.key"},
	} {
		if _, stderr, status := command(t, nil, test.args...); status == 0 || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: status %d, %q, expected %q", test.args, status, stderr, test.says)
		}
	}
}

// TestGuidanceWithoutLibtorch lists methods, and opens no session.
func TestGuidanceWithoutLibtorch(t *testing.T) {
	c, err := plugin.Start(t.Context(), plugin.Config{Path: binary, Env: []string{nowhere, plugin.EnvModels + "=" + filepath.Join("..", "..", "examples", "mini")}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if methods, err := c.Guidance.Methods(t.Context()); err != nil || len(methods) == 0 {
		t.Errorf("methods %v, %v", methods, err)
	}
	_, err = c.Guidance.Open(t.Context(), plugin.GuidanceConfig{Checkpoint: "mini", Prompt: "two cats", Parametrisation: plugin.ParametrisationModel})
	if own := (*plugin.Error)(nil); !errors.As(err, &own) || own.Kind != plugin.KindUnavailable || !strings.Contains(own.Message, "/nowhere") {
		t.Errorf("%v, expected that libtorch is unavailable", err)
	}
}
