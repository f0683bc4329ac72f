package family

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/vae"
)

// FuzzOpen changes one file of a sound model's folder, or all of a single file. It is opened or refused: no text of a file panics, hangs
// or takes the machine's memory, down to the configurations of the networks, the noise and the tokenizer.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tinyFolder)); err != nil {
		f.Fatal(err)
	}
	single := filepath.Join(f.TempDir(), "model.safetensors")
	files := []string{
		single, filepath.Join(dir, "model_index.json"), filepath.Join(dir, "unet", "config.json"), filepath.Join(dir, "vae", "config.json"),
		filepath.Join(dir, "text_encoder", "config.json"), filepath.Join(dir, "scheduler", "scheduler_config.json"),
		filepath.Join(dir, "tokenizer", "vocab.json"), filepath.Join(dir, "tokenizer", "merges.txt"),
		filepath.Join(dir, "tokenizer", "tokenizer_config.json"), filepath.Join(dir, "unet", "diffusion_pytorch_model.safetensors.index.json"),
	}
	sound := make([][]byte, len(files)) // nil of a file that a sound folder does without
	for i, path := range files {
		if text, err := os.ReadFile(path); err == nil {
			sound[i] = text
			f.Add(uint8(i), text)
		}
	}
	for i, text := range map[uint8]string{
		0: "\x40\x00\x00\x00\x00\x00\x00\x00" + `{"model.diffusion_model.input_blocks.0.0.weight":{"dtype":"F16",`,
		2: `{"attention_head_dim":[1e300,-1],"norm_num_groups":0,"norm_eps":"x"}`,
		5: `{"num_train_timesteps":2000000000,"beta_start":1e-300,"trained_betas":[0]}`,
		8: `{"pad_token":{"content":7},"model_max_length":1e30}`,
		9: `{"weight_map":{"a":"/dev/zero","b":"..","c":"diffusion_pytorch_model.safetensors"}}`,
	} {
		f.Add(i, []byte(text))
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		i := int(which) % len(files)
		if err := os.WriteFile(files[i], text, 0o600); err != nil {
			t.Fatal(err)
		}
		path := dir
		if i == 0 {
			path = single
		}
		if m, err := Open(path); err == nil {
			_, _ = unet.ConfigFromWeights(m.Denoiser, m.Config.Denoiser)
			_, _ = vae.ConfigFromWeights(m.VAE, m.Config.VAE)
			_, _ = clip.TextConfigFromWeights(clip.TextRoot(m.Text[0]), m.textConfig(0))
			_, _ = m.Family.Noise(m)
			_, _, _ = m.Tokenizer()
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
		restore := os.Remove
		if sound[i] != nil {
			restore = func(path string) error { return os.WriteFile(path, sound[i], 0o600) }
		}
		if err := restore(files[i]); err != nil {
			t.Fatal(err)
		}
	})
}
