//go:build unix

package main_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// What the doctor foretells of a run, and what it says of one that does not fit.
func TestDoctorForetellsMemory(t *testing.T) {
	model := filepath.Join("..", "..", "examples", "mini", "model")
	env := []string{shim(t), "ISAC_DEVICE=cpu"}
	stdout, stderr, status := command(t, env, "doctor", "--models", t.TempDir(), "--model", model, "--width", "128", "--height", "64", "--batch", "3")
	if status != 0 {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	check(t, "stdout", stdout, []string{"Stable Diffusion 1.x", "MiB of the UNet", "MiB of the text encoder", "MiB of the VAE", "3 pictures of 128×64 pixels",
		"MiB unguided", "MiB guided\n", "MiB guided with gradient checkpoints", "after it, when the pictures are decoded", "GiB on cpu"})

	stdout, _, status = command(t, env, "doctor", "--models", t.TempDir(), "--model", model, "--no-guided", "--dtype", "bfloat16")
	check(t, "stdout", stdout, []string{"in bfloat16", "a picture of 64×64 pixels"})
	if status != 0 || strings.Contains(stdout, "MiB guided") {
		t.Errorf("status %d, unguided: %s", status, stdout)
	}

	stdout, _, status = command(t, env, "doctor", "--models", t.TempDir(), "--model", model, "--measure")
	check(t, "stdout", stdout, []string{"foretold | measured", "| unguided |", "| guided |", "| guided, gradient checkpoints |", "| decoding |", "| 1.00 |"})
	if status != 0 {
		t.Errorf("status %d, measured: %s", status, stdout)
	}

	for want, args := range map[string][]string{
		"the run needs about":      {"--width", "4096", "--height", "4096", "--no-guided"},
		"a guided run needs about": {"--width", "384", "--height", "384"},
		"use gradient checkpoints": {"--width", "384", "--height", "384", "--checkpointing", "off"},
		"width is 13 pixels":       {"--width", "13"},
		"batch is -2":              {"--batch=-2"},
		"1.00 GiB on cpu":          {"--width", "4096", "--height", "4096"},
		"no such file":             {"--model", filepath.Join(t.TempDir(), "not there")},
	} {
		all := append([]string{"doctor", "--models", t.TempDir(), "--model", model, "--max-memory", "1GiB"}, args...)
		stdout, _, status := command(t, env, all...)
		if status != 1 || !strings.Contains(stdout, want) {
			t.Errorf("%q: status %d, %q is not in %s", args, status, want, stdout)
		}
	}
}
