package family

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

const (
	tinyFolder = "../testdata/tiny"
	tinyFile   = "../weights/testdata/tiny_ldm.safetensors" // made by testdata/make_ldm.py
)

func openModel(t *testing.T, path string) *Files {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// same wants two sources to have the same names, shapes, types and values.
func same(t *testing.T, what string, got, want weights.Source) {
	t.Helper()
	if len(want.Names()) == 0 || !slices.Equal(got.Names(), want.Names()) {
		t.Errorf("%s: names %v, expected %v", what, got.Names(), want.Names())
		return
	}
	for _, name := range want.Names() {
		gs, _ := got.Shape(name)
		ws, _ := want.Shape(name)
		gd, _ := got.DType(name)
		wd, _ := want.DType(name)
		if !slices.Equal(gs, ws) || gd != wd {
			t.Errorf("%s: %q is %s %v, expected %s %v", what, name, gd, gs, wd, ws)
			continue
		}
		err := torch.InScope(func() error {
			g, err := got.Tensor(name)
			if err != nil {
				return err
			}
			w, err := want.Tensor(name)
			if err != nil {
				return err
			}
			if !slices.Equal(g.Shape(), ws) || !slices.Equal(g.Bytes(), w.Bytes()) {
				t.Errorf("%s: %q has shape %v or other values", what, name, g.Shape())
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func sameModel(t *testing.T, got, want *Files) {
	t.Helper()
	same(t, "denoiser", got.Denoiser, want.Denoiser)
	same(t, "vae", got.VAE, want.VAE)
	for i := range want.Text {
		same(t, got.Family.Text[i].What, got.Text[i], want.Text[i])
	}
}

func TestFolder(t *testing.T) {
	m := openModel(t, tinyFolder)
	if m.Layout != Diffusers || m.Config.Denoiser["cross_attention_dim"] == nil || m.Config.Scheduler["beta_schedule"] != "scaled_linear" {
		t.Errorf("layout %s, configs %v", m.Layout, m.Config)
	}
	if m.Tokenizers[0].Empty() || m.Tokenizers[0].Vocab == nil || m.Tokenizers[0].Merges == nil {
		t.Error("the tokenizer was not read")
	}
	for src, name := range map[weights.Source]string{m.Denoiser: "conv_in.weight", m.VAE: "decoder.mid_block.attentions.0.to_q.weight", m.Text[0]: "text_model.embeddings.token_embedding.weight"} {
		if !src.Has(name) {
			t.Errorf("no %s", name)
		}
	}
}

func TestSingleFileEqualsFolder(t *testing.T) {
	torchtest.Require(t)
	single := openModel(t, tinyFile)
	if single.Layout != SingleFile || !single.Tokenizers[0].Empty() || single.Config.Denoiser != nil || single.Config.Scheduler != nil {
		t.Errorf("layout %s, tokenizer in %s, configs %v", single.Layout, single.Tokenizers[0].Path, single.Config)
	}
	sameModel(t, single, openModel(t, tinyFolder))
	if got := single.VAE.Origin("decoder.conv_in.weight"); got != "tiny_ldm.safetensors" {
		t.Errorf("origin %q", got)
	}
}

// raw reads all entries of a file, with their names changed; a name that becomes "" is left out.
func raw(t *testing.T, path string, rename func(string) string) []weights.Entry {
	t.Helper()
	f := openWeights(t, path)
	var entries []weights.Entry
	for _, name := range f.Names() {
		data, err := f.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		shape, _ := f.Shape(name)
		dtype, _ := f.DType(name)
		if to := rename(name); to != "" {
			entries = append(entries, weights.Entry{Name: to, DType: dtype, Shape: shape, Data: data})
		}
	}
	return entries
}

func write(t *testing.T, path string, entries ...weights.Entry) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := weights.Write(path, entries, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func unchanged(name string) string { return name }

// copyModel copies the tiny folder, whose files tests then change.
func copyModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tinyFolder)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func put(t *testing.T, text string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

func TestHalfPrecisionNamesAndShards(t *testing.T) {
	torchtest.Require(t)
	dir := copyModel(t)
	if err := os.Rename(filepath.Join(dir, "vae", "diffusion_pytorch_model.safetensors"), filepath.Join(dir, "vae", "diffusion_pytorch_model.fp16.safetensors")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "unet", "diffusion_pytorch_model.safetensors")
	index := map[string]string{}
	parts := map[string][]weights.Entry{}
	for i, e := range raw(t, path, unchanged) {
		shard := "part-" + strconv.Itoa(i%3) + ".safetensors"
		index[e.Name] = shard
		parts[shard] = append(parts[shard], e)
	}
	parts["part-0.safetensors"] = append(parts["part-0.safetensors"], weights.Entry{Name: "not in the index", DType: weights.U8, Shape: []int64{1}, Data: []byte{1}})
	for shard, entries := range parts {
		write(t, filepath.Join(dir, "unet", shard), entries...)
	}
	remove(t, path)
	text, err := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 1}, "weight_map": index})
	if err != nil {
		t.Fatal(err)
	}
	put(t, string(text), dir, "unet", "diffusion_pytorch_model.safetensors.index.json")
	m := openModel(t, dir)
	sameModel(t, m, openModel(t, tinyFolder))
	if got := m.Denoiser.Origin("conv_in.weight"); got != index["conv_in.weight"] {
		t.Errorf("origin %q, expected %q", got, index["conv_in.weight"])
	}
}

func TestSingleFileTellsItsPrediction(t *testing.T) {
	entries := raw(t, tinyFile, unchanged)
	for _, c := range []struct {
		name     string
		extra    []weights.Entry
		metadata map[string]string
		want     sampling.Prediction
	}{
		{"nothing said", nil, nil, sampling.Epsilon},
		{"header says v", nil, map[string]string{"modelspec.prediction_type": "v"}, sampling.V},
		{"header says epsilon", nil, map[string]string{"modelspec.prediction_type": "epsilon"}, sampling.Epsilon},
		{"a tensor says v", []weights.Entry{{Name: "v_pred", DType: weights.F32, Shape: []int64{0}}}, nil, sampling.V},
	} {
		path := filepath.Join(t.TempDir(), "model.safetensors")
		if err := weights.Write(path, append(slices.Clone(entries), c.extra...), c.metadata); err != nil {
			t.Fatal(err)
		}
		noise, err := discrete(openModel(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := noise.(*sampling.Discrete).Prediction; got != c.want {
			t.Errorf("%s: %v, expected %v", c.name, got, c.want)
		}
	}
}

// The noise of EDM is not the discrete schedule's, and a picture by it would be wrong.
func TestSchedulerOfEDMIsRefused(t *testing.T) {
	dir := copyModel(t)
	put(t, `{"_class_name":"EDMEulerScheduler"}`, dir, "scheduler", "scheduler_config.json")
	_, err := discrete(openModel(t, dir))
	if !errors.Is(err, weights.ErrUnsupported) || !strings.Contains(err.Error(), "EDMEulerScheduler") || !strings.Contains(err.Error(), "Playground 2.5") {
		t.Errorf("%v", err)
	}
}

func TestTokenizerBesideASingleFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "model.safetensors"), raw(t, tinyFile, unchanged)...)
	if m := openModel(t, path); !m.Tokenizers[0].Empty() || m.Tokenizers[0].Path != filepath.Join(dir, "tokenizer") {
		t.Errorf("tokenizer of %s, expected none", m.Tokenizers[0].Path)
	}
	put(t, `{"model":{}}`, dir, "tokenizer", "tokenizer.json")
	if m := openModel(t, path); m.Tokenizers[0].Empty() || m.Tokenizers[0].JSON == nil {
		t.Error("the tokenizer beside it was not read")
	}
}

// A folder as Stable Diffusion XL's fine-tunes come: half precision alone, the largest part in pieces.
func TestFolderOfVariants(t *testing.T) {
	torchtest.Require(t)
	for _, index := range []string{"diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16.safetensors.index.json"} {
		dir := copyModel(t)
		for _, file := range []string{"vae/diffusion_pytorch_model", "text_encoder/model"} {
			if err := os.Rename(filepath.Join(dir, file+".safetensors"), filepath.Join(dir, file+".fp16.safetensors")); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "unet", "diffusion_pytorch_model.safetensors")
		entries, of := raw(t, path, unchanged), map[string]string{}
		for i, part := range [][]weights.Entry{entries[:len(entries)/2], entries[len(entries)/2:]} {
			name := []string{"diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "diffusion_pytorch_model.fp16-00002-of-00002.safetensors"}[i]
			write(t, filepath.Join(dir, "unet", name), part...)
			for _, e := range part {
				of[e.Name] = name
			}
		}
		remove(t, path)
		text, err := json.Marshal(map[string]any{"weight_map": of})
		if err != nil {
			t.Fatal(err)
		}
		put(t, string(text), dir, "unet", index)
		sameModel(t, openModel(t, dir), openModel(t, tinyFolder))
	}
}
