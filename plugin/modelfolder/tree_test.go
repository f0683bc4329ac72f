package modelfolder

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write makes files in a folder, empty or of a text.
func write(t *testing.T, root, text string, files ...string) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func names(t *Tree, kind string) []string { return slices.Sorted(maps.Keys(t.Paths(kind))) }

// TestExtraModelPaths reads ComfyUI's file for more folders: base paths, several folders of a kind, old names, and which come first.
func TestExtraModelPaths(t *testing.T) {
	root := t.TempDir()
	comfy, a1111 := filepath.Join(root, "ComfyUI"), filepath.Join(root, "webui")
	write(t, comfy, "", "models/checkpoints/a.safetensors", "models/checkpoints/both.safetensors", "main.py")
	write(t, a1111, "", "models/Stable-diffusion/b.ckpt", "models/Stable-diffusion/both.safetensors", "models/Lora/l.safetensors",
		"models/LyCORIS/deep/m.safetensors", "models/VAE/v.pt", "embeddings/e.pt", "nets/u.safetensors", "diffusers/d/model_index.json")
	t.Setenv("WEBUI", a1111)
	text := `
# a comment
a111:
    base_path: $WEBUI
    is_default: true
    checkpoints: models/Stable-diffusion
    diffusers: diffusers
    loras: |
         models/Lora
         models/LyCORIS
    vae: models/VAE
    embeddings: embeddings
    unet: nets
    custom_nodes: nodes
empty:
relative:
    clip: ../webui/models/Lora
`
	for _, at := range []string{"extra_model_paths.yaml", "models/extra_model_paths.yaml", "elsewhere.yaml"} {
		t.Run(at, func(t *testing.T) {
			write(t, comfy, text, at)
			file := filepath.Join(comfy, filepath.FromSlash(at))
			defer os.Remove(file)
			given := []string{filepath.Join(comfy, "models")}
			if at == "elsewhere.yaml" {
				given = append(given, file)
			}
			if err := Check(given); err != nil {
				t.Fatal(err)
			}
			tree := New(given)
			for kind, want := range map[string][]string{
				Checkpoints: {"a.safetensors", "b.ckpt", "both.safetensors", "d"}, LoRAs: {"deep/m.safetensors", "l.safetensors"}, VAE: {"v.pt"},
				Embeddings: {"e.pt"}, DiffusionModels: {"u.safetensors"},
			} {
				if got := names(tree, kind); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", kind, got, want)
				}
			}
			if f, ok := tree.Find(Checkpoints, "both.safetensors"); !ok || !strings.HasPrefix(f.Path, a1111) {
				t.Errorf("of two with one name %q was taken, want the default's", f.Path)
			}
			if f, ok := tree.Find(Checkpoints, "../both.safetensors"); ok {
				t.Errorf("%q was found", f.Path)
			}
		})
	}
}

func TestCheckFolders(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a: [", "bad.yaml", "in/extra_model_paths.yaml")
	write(t, root, "", "file", "empty.yaml")
	err := Check([]string{"", filepath.Join(root, "nowhere"), filepath.Join(root, "file"), filepath.Join(root, "bad.yaml"), filepath.Join(root, "in"), filepath.Join(root, "empty.yaml")})
	if err == nil {
		t.Fatal("wrong folders are taken")
	}
	for _, want := range []string{"nowhere: there is no such folder", "file: this is a file", "bad.yaml: ", "extra_model_paths.yaml: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nsays nothing of %q", err, want)
		}
	}
	if n := len(strings.Split(err.Error(), "folder of models")); n != 3 {
		t.Errorf("%v\nwrong folders are named %d times", err, n)
	}
	New([]string{filepath.Join(root, "bad.yaml"), filepath.Join(root, "in"), filepath.Join(root, "nowhere")}) // count as empty
}
