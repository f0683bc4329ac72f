//go:build unix

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "isac-plugin")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, plugin.BinaryName)
		if out, err := exec.Command("go", "build", "-ldflags", "-X main.version=v0.0.1-test", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v: %s\n", err, out)
			return 1
		}
		return m.Run()
	}())
}

const nowhere = torch.ShimEnv + "=/nowhere/libisactorch.so"

// shim is the environment that lets the binary find the library that the tests use.
func shim(t *testing.T) string {
	t.Helper()
	torchtest.Require(t)
	return torch.ShimEnv + "=" + torch.GetInfo().Library
}

// command runs the program to its end.
func command(t *testing.T, env []string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestCommands(t *testing.T) {
	for _, test := range []struct {
		name           string
		env, args      []string
		status         int
		stdout, stderr []string
	}{
		{"by hand", nil, nil, 1, nil, []string{"This program is a plugin", "isac-plugin doctor"}},
		{"version", nil, []string{"version"}, 0, []string{"isac-plugin v0.0.1-test, protocol 1\n"}, nil},
		{"help", nil, []string{"--help"}, 0, []string{"describe", "doctor", "ISAC_MODELS", "ISAC_DEVICE"}, nil},
		{"unknown command", nil, []string{"bogus"}, 80, nil, []string{"unexpected argument bogus"}},
		{"no such type", []string{"ISAC_DTYPE=fp8"}, []string{"serve"}, 80, nil, []string{"dtype", "float32"}},
		{"bad flag", []string{"ISAC_LOG=loud"}, []string{"version"}, 80, nil, []string{"log-level"}},
		{"doctor without libtorch", []string{nowhere}, []string{"doctor", "--models", "/no/such"}, 1,
			[]string{"libtorch   not loaded", "/nowhere/libisactorch.so", "make shim", "/no/such"}, []string{"2 thing(s) to mend"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := command(t, test.env, test.args...)
			if status != test.status {
				t.Errorf("status %d, expected %d", status, test.status)
			}
			check(t, "stdout", stdout, test.stdout)
			check(t, "stderr", stderr, test.stderr)
		})
	}
}

// check looks for texts; where none is wanted nothing may be there.
func check(t *testing.T, name, got string, wanted []string) {
	t.Helper()
	if len(wanted) == 0 && got != "" {
		t.Errorf("%s should be empty: %q", name, got)
	}
	for _, want := range wanted {
		if !strings.Contains(got, want) {
			t.Errorf("%s does not say %q: %q", name, want, got)
		}
	}
}

func TestDoctor(t *testing.T) {
	env := []string{shim(t), "ISAC_DEVICE=cpu"}
	stdout, stderr, status := command(t, env, "doctor", "--models", t.TempDir())
	if status != 0 {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	check(t, "stdout", stdout, []string{"libtorch   ", "device     cpu", "GFLOPS", "threads", "MiB resident", "no model found", "images can be made here",
		"computes   in float32 (--dtype auto); gradient checkpoints: where a guided step does not fit"})

	stdout, _, status = command(t, append(env, "ISAC_DTYPE=bfloat16", "ISAC_CHECKPOINTING=on"), "doctor", "--models", t.TempDir())
	check(t, "stdout", stdout, []string{"in bfloat16 (--dtype bfloat16); gradient checkpoints: on"})
	if status != 0 {
		t.Errorf("in bfloat16: status %d", status)
	}

	stdout, _, status = command(t, env, "doctor", "--device", "cuda:99")
	if status != 1 {
		t.Errorf("with a device that is not there: status %d", status)
	}
	check(t, "stdout", stdout, []string{`device "cuda:99"`, "is not among cpu"})
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		name, env string
		loaded    bool
	}{{"with libtorch", shim(t), true}, {"without", nowhere, false}} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := command(t, []string{test.env}, "describe")
			if status != 0 {
				t.Fatalf("status %d: %s", status, stderr)
			}
			var d plugin.Description
			if err := json.Unmarshal([]byte(stdout), &d); err != nil {
				t.Fatalf("%v: %q", err, stdout)
			}
			if d.Version != "v0.0.1-test" || len(d.Protocols) == 0 || len(d.Families) == 0 {
				t.Errorf("%+v", d)
			}
			for _, class := range []string{"CheckpointLoaderSimple", "KSampler", "ISACGuidance", "SaveImage"} {
				if len(d.Nodes[class]) == 0 {
					t.Errorf("no %s", class)
				}
			}
			if d.Torch.Loaded != test.loaded || (d.Torch.Error == "") != test.loaded || (len(d.Devices) > 0) != test.loaded {
				t.Errorf("torch %+v, devices %+v", d.Torch, d.Devices)
			}
		})
	}
}

// A picture of the mini model, through the process that users get.
func TestPicture(t *testing.T) {
	models := filepath.Join("..", "..", "examples", "mini")
	if _, err := os.Stat(filepath.Join(models, "model", "model_index.json")); err != nil {
		t.Skip("examples/mini/model is not there; its training makes it")
	}
	models, err := filepath.Abs(models)
	if err != nil {
		t.Fatal(err)
	}
	c, err := plugin.Start(t.Context(), plugin.Config{Path: binary, Env: []string{shim(t), plugin.EnvModels + "=" + models}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	execute := func(class string, inputs map[string]plugin.Value, events func(plugin.Event)) plugin.Result {
		t.Helper()
		result, err := c.Execute(t.Context(), plugin.Request{PromptID: "p", NodeID: class, Class: class, Inputs: inputs}, events)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	plain := func(v any) plugin.Value {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return plugin.Value{JSON: raw}
	}
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(d.Nodes["CheckpointLoaderSimple"]), `"mini"`) {
		t.Errorf("the loader does not offer the model: %s", d.Nodes["CheckpointLoaderSimple"])
	}
	loaded := execute("CheckpointLoaderSimple", map[string]plugin.Value{"ckpt_name": plain("mini")}, nil).Outputs
	positive := execute("CLIPTextEncode", map[string]plugin.Value{"clip": loaded[1], "text": plain("two cats and a dog")}, nil).Outputs[0]
	negative := execute("CLIPTextEncode", map[string]plugin.Value{"clip": loaded[1], "text": plain("")}, nil).Outputs[0]
	empty := execute("EmptyLatentImage", map[string]plugin.Value{"width": plain(64), "height": plain(64), "batch_size": plain(1)}, nil).Outputs[0]
	steps := 0
	sampling := map[string]plugin.Value{
		"model": loaded[0], "positive": positive, "negative": negative, "latent_image": empty, "seed": plain(1), "steps": plain(3), "cfg": plain(3),
		"sampler_name": plain("euler"), "scheduler": plain("normal"), "denoise": plain(1),
	}
	latent := execute("KSampler", sampling, func(e plugin.Event) {
		if e.Progress != nil {
			steps = e.Progress.Value
		}
	}).Outputs[0]
	if steps != 3 {
		t.Errorf("progress ended at %d of 3 steps", steps)
	}
	image := execute("VAEDecode", map[string]plugin.Value{"samples": latent, "vae": loaded[2]}, nil).Outputs[0]
	files := execute("SaveImage", map[string]plugin.Value{"images": image, "filename_prefix": plain("test")}, nil).Files
	if len(files) != 1 || files[0].Type != "output" {
		t.Fatalf("%d files", len(files))
	}
	picture, err := png.Decode(bytes.NewReader(files[0].Data))
	if err != nil || picture.Bounds().Dx() != 64 || picture.Bounds().Dy() != 64 {
		t.Errorf("%v, %v; expected 64x64", picture.Bounds(), err)
	}
	// Cancelled in its first steps, a long sampling ends.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	sampling["steps"] = plain(1000)
	_, err = c.Execute(ctx, plugin.Request{NodeID: "3", Class: "KSampler", Inputs: sampling}, func(plugin.Event) { stop() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected context.Canceled", err)
	}
	began := time.Now()
	await.Until(t, 10*time.Second, "the cancelled node ends", func() bool {
		s, err := c.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Running) == 0
	})
	t.Logf("ended %v after the cancellation", time.Since(began).Round(time.Millisecond))

	if err := c.Free(t.Context(), true); err != nil {
		t.Error(err)
	}
	if s, err := c.Stats(t.Context()); err != nil || len(s.Handles) != 0 || s.Tensors != 0 {
		t.Errorf("after Free: %+v, %v", s, err)
	}
}
