package family

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// named is a weights.Source of names and shapes alone.
type shapes map[string][]int64

func (n shapes) Names() []string                          { return slices.Sorted(maps.Keys(n)) }
func (n shapes) Has(name string) bool                     { _, ok := n[name]; return ok }
func (n shapes) Shape(name string) ([]int64, bool)        { s, ok := n[name]; return s, ok }
func (n shapes) DType(name string) (weights.DType, bool)  { _, ok := n[name]; return weights.F16, ok }
func (n shapes) Tensor(name string) (torch.Tensor, error) { return torch.Tensor{}, weights.ErrMissing }
func (n shapes) Origin(string) string                     { return "a list of names" }

func readNames(t *testing.T, path string) shapes {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := shapes{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		shape := []int64{}
		for _, w := range words[1:] {
			size, err := strconv.ParseInt(w, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			shape = append(shape, size)
		}
		n[words[0]] = shape
	}
	return n
}

// Every tensor of the real Stable Diffusion 1.5, by name and shape.
func TestStableDiffusion15Names(t *testing.T) {
	ldm := readNames(t, "../weights/testdata/sd15_ldm.txt")
	if f, err := recognise(ldm); f != sd1 {
		t.Fatalf("%v, %v", f, err)
	}
	for _, c := range []struct {
		list, prefix string
		tensors      int
		got          weights.Source
	}{
		{"sd15-unet.txt", "", 686, ldmUNet(weights.Prefix(ldm, "model.diffusion_model."))},
		{"sd15-vae.txt", "", 248, ldmVAE(weights.Prefix(ldm, "first_stage_model."))},
		{"sd15-text.txt", "text_model.", 196, textNames(weights.Prefix(ldm, "cond_stage_model.transformer."))},
	} {
		want := readNames(t, filepath.Join("../testdata/shapes", c.list))
		if len(want) != c.tensors || len(c.got.Names()) != c.tensors {
			t.Errorf("%s: %d names, %d expected, %d in the list", c.list, len(c.got.Names()), c.tensors, len(want))
		}
		for name, shape := range want {
			full := c.prefix + strings.TrimPrefix(name, c.prefix)
			if got, ok := c.got.Shape(full); !ok || !slices.Equal(got, shape) {
				t.Errorf("%s: %s has shape %v, expected %v", c.list, full, got, shape)
			}
		}
	}
}

// The attention of autoencoders had other names until diffusers 0.15, and its projections may be 1×1 convolutions.
func TestOldNamesOfAutoencoders(t *testing.T) {
	torchtest.Require(t)
	dir := copyModel(t)
	path := filepath.Join(dir, "vae", "diffusion_pytorch_model.safetensors")
	entries := raw(t, path, strings.NewReplacer("to_q", "query", "to_k", "key", "to_v", "value", "to_out.0", "proj_attn").Replace)
	for i, e := range entries {
		if strings.Contains(e.Name, ".query.weight") {
			entries[i].Shape = append(e.Shape, 1, 1)
		}
	}
	remove(t, path)
	write(t, path, entries...)
	same(t, "vae", openModel(t, dir).VAE, openModel(t, tinyFolder).VAE)
}

// Text encoders are found with and without "text_model.", in folders and in single files.
func TestNamesOfTextEncoders(t *testing.T) {
	torchtest.Require(t)
	dir := copyModel(t)
	path := filepath.Join(dir, "text_encoder", "model.safetensors")
	entries := raw(t, path, func(name string) string { return "text_model." + strings.TrimPrefix(name, "text_model.") })
	remove(t, path)
	write(t, path, entries...)
	same(t, "folder", openModel(t, dir).Text[0], openModel(t, tinyFolder).Text[0])

	old := write(t, filepath.Join(t.TempDir(), "old.safetensors"), raw(t, tinyFile, func(name string) string {
		return strings.Replace(name, "cond_stage_model.transformer.text_model.", "cond_stage_model.transformer.", 1)
	})...)
	sameModel(t, openModel(t, old), openModel(t, tinyFolder))
}
