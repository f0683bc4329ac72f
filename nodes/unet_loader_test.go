package nodes

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/synth"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// TestUNETLoader loads a whole checkpoint of the folder of diffusion models, shared with the loader of checkpoints, and says of anything else
// what it is.
func TestUNETLoader(t *testing.T) {
	root := tree(t, "checkpoints/put_checkpoints_here")
	folder := filepath.Join(root, "diffusion_models")
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		_, err = synth.Write(filepath.Join(folder, "whole.safetensors"), synth.Options{Kind: "sd1", Small: true, Layout: family.SingleFile, DType: weights.F16})
	}
	if err == nil {
		err = weights.Write(filepath.Join(folder, "alone.safetensors"), []weights.Entry{{Name: "input_blocks.0.0.weight", DType: weights.U8, Shape: []int64{1}, Data: []byte{1}}}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, root)
	load := func(name, dtype string) (Result, error) {
		return h.try(context.Background(), "UNETLoader", map[string]any{"unet_name": name, "weight_dtype": dtype})
	}
	first, err := load("whole.safetensors", "default")
	if err != nil {
		t.Fatal(err)
	}
	second, err := load("whole.safetensors", "fp8_e4m3fn")
	if err != nil {
		t.Fatal(err)
	}
	if first.Values[0].(*Model).Pipeline() != second.Values[0].(*Model).Pipeline() {
		t.Error("one file is loaded twice")
	}
	if lines, _ := second.UI["text"].([]string); len(lines) != 1 || !strings.Contains(lines[0], "fp8_e4m3fn is not used") || first.UI != nil {
		t.Errorf("shows %q", lines)
	}
	first.Close()
	second.Close()
	if _, err := load("alone.safetensors", "default"); err == nil || !strings.Contains(err.Error(), "a UNet alone") || !strings.Contains(err.Error(), "CheckpointLoaderSimple") {
		t.Errorf("%v", err)
	}
}
