//go:build unix

package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
)

// guided starts a plugin with the mini model and opens a session.
func guided(t *testing.T, config plugin.GuidanceConfig) (*plugin.Client, *plugin.GuidanceSession, string) {
	t.Helper()
	torchtest.Require(t)
	dir := tempDir(t)
	c := start(t, func(config *plugin.Config) { config.Env, config.TempDir = []string{roleEnv + "=models"}, dir })
	config.Checkpoint, config.Prompt, config.Parametrisation = "mini", "two cats and a dog", plugin.ParametrisationComfyUI
	session, err := c.Guidance.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return c, session, dir
}

// TestLargeLatentsAreShared sends latents that travel in a file, of which nothing is left, and without the folder in a message.
func TestLargeLatentsAreShared(t *testing.T) {
	_, session, dir := guided(t, plugin.GuidanceConfig{})
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "*", plugin.SharedPrefix+"*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	data := make([]byte, 4*4*512*512)
	for i := range data {
		data[i] = byte(i) & 0x3f // small numbers, none of them NaN
	}
	step := plugin.GuidanceStep{Index: 19, Count: 20, Level: plugin.AtSigma(1), Latents: plugin.Tensor{DType: plugin.Float32, Shape: []int64{1, 4, 512, 512}, Data: data}}
	for range 2 {
		result, err := session.Guide(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(result.Latents.Data, data) || !slices.Equal(result.Latents.Shape, step.Latents.Shape) {
			t.Error("a step outside the window gives other bits")
		}
		if len(files()) != 1 {
			t.Errorf("files %q, expected one for the session", files())
		}
	}
	if err := session.Close(); err != nil || len(files()) != 0 {
		t.Errorf("after Close: %v, left %q", err, files())
	}
}

// TestPluginIsKilledInAGuidedStep says what ended the step, and the next process works.
func TestPluginIsKilledInAGuidedStep(t *testing.T) {
	endless := plugin.GuidanceConfig{Method: "attend_excite", Options: map[string]string{"end": "1", "tries": "1000000", "threshold.first": "1"}}
	c, session, dir := guided(t, endless)
	time.AfterFunc(300*time.Millisecond, func() { _ = syscall.Kill(c.PID(), syscall.SIGKILL) })
	latents := plugin.NewTensor(make([]float32, 4*16*16), 1, 4, 16, 16)
	for i := range latents.Data { // a picture of something
		latents.Data[i] = byte(i*i) & 0x3f
	}
	_, err := session.Guide(t.Context(), plugin.GuidanceStep{Count: 4, Level: plugin.AtSigma(10), Latents: latents})
	var exit *plugin.ExitError
	if !errors.As(err, &exit) || !strings.HasPrefix(err.Error(), "guide step 1 of 4: plugin exited: signal: killed") {
		t.Errorf("%v, expected an exit error", err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if !await.Within(2*time.Second, func() bool { left, err := os.ReadDir(dir); return err == nil && len(left) == 0 }) {
		t.Error("something is left on disk")
	}
	_, again, _ := guided(t, plugin.GuidanceConfig{Options: map[string]string{"end": "1"}})
	defer again.Close()
	if _, err := again.Guide(t.Context(), plugin.GuidanceStep{Count: 4, Level: plugin.AtSigma(10), Latents: latents}); err != nil {
		t.Error(err)
	}
}
