//go:build unix

package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const miniModel = "../../examples/mini/model"

func TestExplain(t *testing.T) {
	env := []string{shim(t), "ISAC_DEVICE=cpu"}
	dir := filepath.Join(t.TempDir(), "out")
	stdout, stderr, status := command(t, env, "explain", "--prompt", "A photo of two cats and a dog.", "--model", miniModel, "--out", dir,
		"--steps", "4", "--steps-shown", "3,1", "--seed", "18446744073709551615", "--preset", "typed", "--set", "eta=0.03,end=1", "--set", "schedule=A")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	check(t, "stderr", stderr, nil)
	var want []string
	for _, name := range []string{"overview.png", "step-01.png", "step-03.png", "losses.png", "plain.png", "guided.png", "maps.json"} {
		want = append(want, filepath.Join(dir, name))
	}
	if got := strings.Fields(stdout); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("written are %v, want %v", got, want)
	}
	for _, path := range want {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "maps.json"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "maps.json", string(data), []string{"typed+end=1+eta=0.03+schedule=A", "seed 18446744073709551615", `"losses"`})
}

// TestExplainCandidates holds that a method that chooses has a strip of its candidates.
func TestExplainCandidates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	stdout, stderr, status := command(t, []string{shim(t), "ISAC_DEVICE=cpu"}, "explain", "--prompt", "A photo of two cats and a dog.", "--model", miniModel, "--out", dir,
		"--steps", "4", "--method", "isac_ls", "--set", "candidates=3,halving=true")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, name := range []string{"candidates.png", "chosen.png", "candidates.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 || !strings.Contains(stdout, name) {
			t.Errorf("%s: %v; written are %s", name, err, stdout)
		}
	}
}

func TestExplainMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fine := []string{"explain", "--model", miniModel, "--out", t.TempDir(), "--steps", "2", "--prompt", "two cats"}
	for name, test := range map[string]struct {
		args   []string
		stderr []string
	}{
		"no flags":     {[]string{"explain"}, []string{"--prompt", "--model", "--out"}},
		"no objects":   {append(fine, "--prompt", "nothing at all"), []string{"nothing at all", "name the objects and how many"}},
		"no such step": {append(fine, "--steps-shown", "0,2"), []string{"step 2 is to be shown, but the run has steps 0 to 1"}},
		"no folder":    {append(fine, "--out", filepath.Join(file, "dir")), []string{"the folder to write to cannot be made", file}},
		"no model":     {append(fine, "--model", "/no/such/model"), []string{"/no/such/model"}},
		"many": {append(fine, "--set", "eta=-1,bogus=3", "--size=-8", "--prompt", "x"),
			[]string{"no option is called \"bogus\"", "eta", "--size is -8", "name the objects"}},
		"preset":        {append(fine, "--preset", "bogus"), []string{"no preset is called \"bogus\"", "typed or paper"}},
		"sampler, size": {append(fine, "--sampler", "bogus"), []string{"bogus", "ddim"}},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := command(t, []string{shim(t), "ISAC_DEVICE=cpu"}, test.args...)
			if status == 0 {
				t.Error("it succeeded")
			}
			check(t, "stdout", stdout, nil)
			check(t, "stderr", stderr, test.stderr)
		})
	}
	_, stderr, status := command(t, []string{nowhere}, fine...)
	if status == 0 {
		t.Error("it succeeded without libtorch")
	}
	check(t, "stderr", stderr, []string{"/nowhere/libisactorch.so", "make shim"})
}

// TestExplainInterrupted ends a run that would take very long.
func TestExplainInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(binary, "explain", "--prompt", "two cats", "--model", miniModel, "--out", dir, "--steps", "1000", "--scheduler", "normal")
	cmd.Env = append(os.Environ(), shim(t), "ISAC_DEVICE=cpu")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for { // the folder is made when signals are listened to
		if _, err := os.Stat(dir); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended on its own: %v: %s", err, stderr.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := <-ended; !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("it ended with %v, want status 130", err)
	}
	check(t, "stderr", stderr.String(), []string{"interrupted"})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%d files were written: %v", len(entries), err)
	}
}
