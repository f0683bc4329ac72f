package family

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// copyOfTiny is the tiny model's folder in a place of its own.
func copyOfTiny(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tinyFolder)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refused opens and loads a model, which has to fail within a time.
func refused(t *testing.T, dir string, within time.Duration) error {
	t.Helper()
	start := time.Now()
	m, err := Open(dir)
	if err == nil {
		defer m.Close()
		var loaded *Model
		if loaded, err = Load(m, torch.Float32, torch.CPU); err == nil {
			loaded.Close()
			t.Error("it is loaded")
		}
	}
	if took := time.Since(start); took > within {
		t.Errorf("it took %v", took)
	}
	return err
}

// However many tensors a file has, and whatever they claim to be, it is refused as fast as it is read, with a short error.
func TestManyTensors(t *testing.T) {
	torchtest.Require(t)
	count := 200_000
	for _, c := range []struct{ part, name, says string }{
		{"unet/diffusion_pytorch_model.safetensors", "junk.%d", "junk.0"},
		{"unet/diffusion_pytorch_model.safetensors", "down_blocks.%d.x", "more than 8 of down_blocks"},
		{"unet/diffusion_pytorch_model.safetensors", "down_blocks.0.attentions.0.transformer_blocks.%d.x", "more than 256 of down_blocks.0.attentions.0.transformer_blocks"},
		{"unet/diffusion_pytorch_model.safetensors", "mid_block.resnets.%d.x", "more than 256 of mid_block.resnets"},
		{"vae/diffusion_pytorch_model.safetensors", "decoder.up_blocks.%d.resnets.0.conv1.weight", "more than 8 of decoder.up_blocks"},
		{"text_encoder/model.safetensors", "text_model.encoder.layers.%d.layer_norm1.weight", "more than 256 of encoder.layers"},
	} {
		dir := copyOfTiny(t)
		path := filepath.Join(dir, filepath.FromSlash(c.part))
		own := map[string]bool{}
		entries := raw(t, path, func(name string) string { own[name] = true; return name })
		for i := range count {
			if name := fmt.Sprintf(c.name, i); !own[name] {
				entries = append(entries, weights.Entry{Name: name, DType: weights.U8, Shape: []int64{1}, Data: []byte{1}})
			}
		}
		write(t, path, entries...)
		if err := refused(t, dir, 20*time.Second); !strings.Contains(fmt.Sprint(err), c.says) || len(err.Error()) > 4000 {
			t.Errorf("%s: %.400v", c.name, err)
		}
		count = 20_000 // the time to write them is the test's
	}
}

// Numbers of a config that no model has are refused by name before anything is made of them.
func TestImpossibleNumbers(t *testing.T) {
	torchtest.Require(t)
	for file, settings := range map[string][]string{
		"scheduler/scheduler_config.json": {`"num_train_timesteps": 2000000000`, `"num_train_timesteps": -1`, `"num_train_timesteps": 1e300`},
		"unet/config.json":                {`"attention_head_dim": 1000000000`, `"attention_head_dim": -8`, `"norm_num_groups": 0`, `"norm_eps": -1`, `"sample_size": 2000000000`},
		"vae/config.json":                 {`"norm_num_groups": -4`, `"scaling_factor": 1e300`},
		"text_encoder/config.json":        {`"num_attention_heads": 1000000000`, `"layer_norm_eps": 5`},
	} {
		for _, setting := range settings {
			dir := copyOfTiny(t)
			path := filepath.Join(dir, filepath.FromSlash(file))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := strings.LastIndexByte(string(text), '}')
			if err := os.WriteFile(path, []byte(strings.TrimRight(string(text[:at]), " \n")+",\n"+setting+"}"), 0o600); err != nil {
				t.Fatal(err)
			}
			key := strings.Trim(strings.SplitN(setting, ":", 2)[0], `"`)
			if err := refused(t, dir, 5*time.Second); !strings.Contains(fmt.Sprint(err), key) {
				t.Errorf("%s: %v", setting, err)
			}
		}
	}
}
