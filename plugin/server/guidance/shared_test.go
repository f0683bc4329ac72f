//go:build unix

package guidance_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin/isacpb"
	"github.com/isac-guidance/isac/plugin/server"
)

// TestSharedLatents sends a step's latents in a file, and refuses files that are none of a session's.
func TestSharedLatents(t *testing.T) {
	dir := t.TempDir()
	h := serve(t, server.Options{Registry: nodes.Standard(), ModelPaths: []string{folder("mini")}, Shared: dir})
	step := at(10, nil)
	want, err := h.open(t, simple()).Guide(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	stream := h.raw(t, t.Context())
	ask := func(r *isacpb.GuideRequest) *isacpb.GuideResponse {
		t.Helper()
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	opened := ask(&isacpb.GuideRequest{Request: &isacpb.GuideRequest_Open{Open: &isacpb.GuidanceOpen{
		Checkpoint: "mini", Prompt: catsAndDog, Options: simple().Options, Parametrisation: isacpb.Parametrisation_PARAMETRISATION_COMFYUI,
	}}}).GetOpened()
	if opened.GetSharedFolder() != dir {
		t.Fatalf("it shares %q, expected %q", opened.GetSharedFolder(), dir)
	}
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "latents-outside")
	for path, data := range map[string][]byte{outside: step.Latents.Data, filepath.Join(dir, "secret"): step.Latents.Data} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "latents-link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "latents-pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "latents-folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("latents-short", step.Latents.Data[:100])
	write("latents-good", step.Latents.Data)
	sigma := 10.0
	guide := func(name string, data []byte) *isacpb.GuideResponse {
		t.Helper()
		return ask(&isacpb.GuideRequest{Request: &isacpb.GuideRequest_Step{Step: &isacpb.GuidanceStep{
			Count: 4, Sigma: &sigma, Latents: &isacpb.Tensor{Dtype: isacpb.DType_DTYPE_FLOAT32, Shape: step.Latents.Shape, Data: data, Shared: name},
		}}})
	}
	for name, says := range map[string]string{
		"latents-missing": "no such file", "secret": "begins with", outside: "plain name", "latents-/../secret": "plain name", "../latents-outside": "begins with",
		"latents-link": "shared file", "latents-pipe": "expected a plain one", "latents-folder": "shared file", "latents-short": "100 bytes",
	} {
		if e := guide(name, nil).GetError(); e.GetKind() != isacpb.Kind_KIND_INVALID_INPUT || !strings.Contains(e.GetMessage(), says) || !slices.Equal(e.GetInputs(), []string{"latents"}) {
			t.Errorf("%s: %v, expected %q", name, e, says)
		}
	}
	if e := guide("latents-good", step.Latents.Data).GetError(); !strings.Contains(e.GetMessage(), "one of the two") {
		t.Errorf("data twice: %v", e)
	}
	answer := guide("latents-good", nil).GetStepped()
	data, err := os.ReadFile(filepath.Join(dir, "latents-good"))
	if err != nil || answer.GetLatents().GetShared() != "latents-good" || len(answer.GetLatents().GetData()) != 0 {
		t.Fatalf("%v, %v", answer.GetLatents(), err)
	}
	if !slices.Equal(data, want.Latents.Data) {
		t.Error("the file holds other latents than a message does")
	}
	if untouched, err := os.ReadFile(outside); err != nil || !slices.Equal(untouched, step.Latents.Data) {
		t.Error("a file outside the folder was written")
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}

// TestNothingIsShared opens a session of a process that has no folder with its host.
func TestNothingIsShared(t *testing.T) {
	h := connect(t, "mini")
	if folder := h.open(t, simple()).Info.SharedFolder; folder != "" {
		t.Errorf("it names %q", folder)
	}
	_, err := h.open(t, simple()).Guide(t.Context(), at(10, nil))
	if err != nil {
		t.Error(err)
	}
}
