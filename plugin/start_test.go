//go:build unix

package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script makes an executable of a shell script.
func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartExplainsFailures(t *testing.T) {
	for _, test := range []struct {
		name, script string
		says         []string
		within       time.Duration
	}{
		{"ends", "echo out of luck >&2; exit 3", []string{"plugin exited: exit status 3", "out of luck"}, 5 * time.Second},
		{"killed", "kill -9 $$", []string{"plugin exited: signal: killed"}, 5 * time.Second},
		{"speaks something else", "echo hello; sleep 60", []string{"Unrecognized remote plugin message: hello", `printed "hello" to its standard output`, ">&2"}, 5 * time.Second},
		{"says nothing", "sleep 60 & sleep 60", []string{"deadline exceeded", "did not answer within 2s", "--plugin-timeout"}, 5 * time.Second},
		{"another version", "echo '1|99|unix|/nowhere|grpc|'; sleep 60", []string{"different versions of the contract", "Plugin version: 99", "[1]"}, 5 * time.Second},
		{"nobody listens", "echo '1|1|unix|/nowhere/socket|grpc|'; sleep 60", []string{"/nowhere/socket"}, 10 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			temp, err := os.MkdirTemp("", "t")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(temp)
			began := time.Now()
			c, err := Start(context.Background(), Config{Path: script(t, t.TempDir(), "plugin", test.script), TempDir: temp, StartTimeout: 2 * time.Second})
			if err == nil {
				c.Close()
				t.Fatal("started")
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if took := time.Since(began); took > test.within {
				t.Errorf("took %v", took)
			}
			if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestStartIsCancelled(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, stop)
	began := time.Now()
	_, err := Start(ctx, Config{Path: script(t, t.TempDir(), "plugin", "exec sleep 60")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected context.Canceled", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	stop()
	if _, err := Start(ctx, Config{Path: script(t, t.TempDir(), "plugin", "exec sleep 60")}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is over: %v, expected context.Canceled", err)
	}
}

func TestFindBinary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if _, err := FindBinary(""); err == nil || !strings.Contains(err.Error(), "isac-plugin not found") {
		t.Errorf("nowhere: %v", err)
	}
	want := script(t, dir, BinaryName, "exit 0")
	for _, given := range []string{"", want, BinaryName} {
		if got, err := FindBinary(given); err != nil || got != want {
			t.Errorf("%q: %q, %v; expected %q", given, got, err, want)
		}
	}
	if _, err := FindBinary(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := os.Chmod(want, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FindBinary(want); !errors.Is(err, os.ErrPermission) {
		t.Errorf("not executable: %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("PLUGIN_MULTIPLEX_GRPC", "true")
	t.Setenv(EnvLifeline, "stdin")
	t.Setenv("PYTORCH_CUDA_ALLOC_CONF", "backend:cudaMallocAsync")
	t.Setenv("CUDA_VISIBLE_DEVICES", "1")
	t.Setenv("ISAC_TORCH_SHIM", "/lib/shim.so")
	for _, name := range []string{"ISAC_TOKEN", "ISAC_NATS", "ISAC_NATS_CREDS", "ISAC_TLS_KEY", "isac_token"} {
		t.Setenv(name, "secret")
	}
	env := environment(EnvDevice + "=cuda:0")
	if text := strings.Join(env, "\n"); strings.Contains(text, "secret") {
		t.Errorf("a secret is in the environment:\n%s", text)
	}
	for pair, want := range map[string]bool{
		"PLUGIN_MULTIPLEX_GRPC=true": false, EnvLifeline + "=stdin": false, "PYTORCH_CUDA_ALLOC_CONF=backend:cudaMallocAsync": false,
		"CUDA_VISIBLE_DEVICES=1": true, "ISAC_TORCH_SHIM=/lib/shim.so": true, EnvDevice + "=cuda:0": true,
	} {
		got := false
		for _, p := range env {
			got = got || p == pair
		}
		if got != want {
			t.Errorf("%s: there = %v, expected %v", pair, got, want)
		}
	}
}
