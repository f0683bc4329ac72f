package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// side is a program that is measured.
type side struct {
	name    string
	command []string
	env     []string
	ours    bool
}

// sides are ours on each libtorch, and plain PyTorch where there are torch and diffusers.
func (o *options) sides() ([]side, error) {
	var out []side
	for _, shim := range strings.Split(o.shims, ",") {
		if _, err := os.Stat(shim); err != nil {
			return nil, fmt.Errorf("no shim: %w: build it with make shim", err)
		}
		s := side{command: []string{o.step}, env: []string{"ISAC_TORCH_SHIM=" + shim}, ours: true}
		cmd := exec.Command(o.plugin, "describe")
		cmd.Env = append(os.Environ(), s.env...)
		var d struct {
			Torch struct {
				Version string `json:"version"`
			} `json:"torch"`
		}
		text, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			return nil, fmt.Errorf("%s describe: %w", o.plugin, err)
		}
		s.name = "isac, libtorch " + d.Torch.Version
		out = append(out, s)
	}
	version, err := exec.Command(o.python, "-c", "import torch, diffusers; print(torch.__version__.split('+')[0])").Output()
	if err != nil {
		fmt.Printf("%s has no torch and diffusers: plain PyTorch is left out (%v)\n", o.python, err)
		return out, nil
	}
	plain := side{name: "plain PyTorch " + strings.TrimSpace(string(version)), command: []string{o.python, o.yardstick}}
	return append(out, plain), nil
}

// model is the folder of a case's model, which is made where it is not there.
func (o *options) model(c benchCase) (string, error) {
	if err := os.MkdirAll(o.models, 0o777); err != nil {
		return "", err
	}
	if c.family == "" {
		return o.mini, nil
	}
	dir := filepath.Join(o.models, c.family)
	if _, err := os.Stat(filepath.Join(dir, "model_index.json")); err == nil {
		return dir, nil
	}
	return dir, o.do(o.plugin, "synth", "--family", c.family, "--layout", "folder", "--dtype", "fp16", "--out", dir)
}

// writeInputs makes what both sides compute with; the values are the same each time.
func (o *options) writeInputs(model, path string, pixels int) error {
	return o.do(o.step, "--model", model, "--write", path, "--pixels", strconv.Itoa(pixels))
}

// do runs a command of ours on the first shim.
func (o *options) do(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	shim, _, _ := strings.Cut(o.shims, ",")
	cmd.Env = append(os.Environ(), "ISAC_TORCH_SHIM="+shim)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, text)
	}
	return nil
}

// end is when a process is ended that would never come to its own: some time after the last may have started.
func (o *options) end() time.Time {
	if o.budget == 0 {
		return time.Now().Add(2 * time.Hour)
	}
	return o.began.Add(o.budget + 20*time.Second)
}

// process runs one side once. What goes wrong, such as too little memory, is in the run.
func (o *options) process(s side, mode, model, inputs, labels string) run {
	args := append(append([]string{}, s.command[1:]...),
		"--model", model, "--inputs", inputs, "--device", o.device, "--dtype", o.dtype,
		"--threads", strconv.Itoa(o.threads), "--repeat", strconv.Itoa(o.repeat))
	if mode != "unguided" {
		args = append(args, "--guided")
	}
	if mode == "checkpointed" {
		args = append(args, "--checkpoint")
	}
	if !s.ours && mode != "unguided" {
		args = append(args, "--labels", labels)
	}
	args = append(args, "--began", strconv.FormatFloat(float64(time.Now().UnixNano())/1e9, 'f', 6, 64))
	ctx, cancel := context.WithDeadline(context.Background(), o.end())
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command[0], args...)
	threads := strconv.Itoa(o.threads)
	cmd.Env = append(append(os.Environ(), s.env...), "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "MKL_NUM_THREADS="+threads)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return run{Wrong: "the time was over"}
		}
		return run{Wrong: lastLine(wrong.String(), err)}
	}
	text := bytes.TrimSpace(out.Bytes())
	var r run
	if err := json.Unmarshal(text[bytes.LastIndexByte(text, '\n')+1:], &r); err != nil {
		return run{Wrong: fmt.Sprintf("it printed no JSON: %v", err)}
	}
	if s.ours && mode == "guided" {
		if err := os.WriteFile(labels, text, 0o666); err != nil {
			return run{Wrong: err.Error()}
		}
	}
	return r
}

// lastLine is what a program said last before it failed.
func lastLine(said string, err error) string {
	var exit *exec.ExitError
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" && errors.As(err, &exit) {
		return last
	}
	return err.Error()
}
