package nodes

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tree makes files in a new folder and returns it; a name with " -> " is a symbolic link.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestListCheckpoints(t *testing.T) {
	root := tree(t,
		"one.safetensors", "SD/two.SafeTensors", "notes.txt", ".hidden.safetensors", ".git/three.safetensors",
		"four/model_index.json", "four/unet/inside.safetensors",
		"mini/model/model_index.json", "deep/mini/model/model_index.json",
		"fake.safetensors/readme", "mini/detector/detector.json", "mini/detector/heatmap.safetensors", "embeddings/a.safetensors",
		"a/b/c/d/e/f/g/too-deep.safetensors",
	)
	got := slices.Sorted(maps.Keys(Checkpoints([]string{root})))
	want := []string{"SD/two.SafeTensors", "deep/mini", "four", "mini", "one.safetensors"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestModelFolderThatIsACheckpoint(t *testing.T) {
	root := tree(t, "mini/model/model_index.json", "sd15/model_index.json")
	for _, tt := range []struct{ folder, want string }{
		{"mini/model", "mini"}, {"mini", "mini"}, {"sd15", "sd15"},
	} {
		folder := filepath.Join(root, filepath.FromSlash(tt.folder))
		found := Checkpoints([]string{folder})
		if len(found) != 1 || found[tt.want] == "" {
			t.Errorf("model folder %s: found %q, want %q", tt.folder, found, tt.want)
		}
		if _, err := os.Stat(filepath.Join(found[tt.want], "model_index.json")); err != nil {
			path := found[tt.want]
			t.Errorf("model folder %s: %q leads to %q, where no model is", tt.folder, tt.want, path)
		}
	}
}

func TestFirstModelFolderWins(t *testing.T) {
	a, b := tree(t, "x.safetensors"), tree(t, "x.safetensors", "y.safetensors")
	found := Checkpoints([]string{filepath.Join(a, "missing"), "", a, b})
	want := map[string]string{"x.safetensors": filepath.Join(a, "x.safetensors"), "y.safetensors": filepath.Join(b, "y.safetensors")}
	if !maps.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}

func TestLinkedModelsAndLoops(t *testing.T) {
	store, root := tree(t, "big/real.safetensors"), tree(t, "own.safetensors")
	for link, to := range map[string]string{
		"file.safetensors": filepath.Join(store, "big", "real.safetensors"), "folder": filepath.Join(store, "big"),
		"loop": root, "broken.safetensors": filepath.Join(store, "nowhere"),
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	found := Checkpoints([]string{root})
	for _, name := range []string{"own.safetensors", "file.safetensors", "folder/real.safetensors"} {
		if found[name] == "" {
			t.Errorf("%s was not found in %q", name, found)
		}
	}
	if _, ok := found["broken.safetensors"]; ok {
		t.Error("a link to nothing is listed")
	}
}

// Links are followed once: links to their own parents would otherwise be as many folders as there are ways to go.
func TestLinksAreFollowedOnce(t *testing.T) {
	root, shared := tree(t, "a/b/one.safetensors"), tree(t, "two.safetensors", "three/model_index.json")
	for link, to := range map[string]string{"away": shared, "beside": shared, "a/again": filepath.Join(root, "a", "b"), "a/zz": filepath.Join(root, "a")} {
		if err := os.Symlink(to, filepath.Join(root, filepath.FromSlash(link))); err != nil {
			t.Skip(err)
		}
	}
	for i := range 20 {
		if err := os.Symlink("..", filepath.Join(root, "a", "b", "up"+string(rune('a'+i)))); err != nil {
			t.Fatal(err)
		}
	}
	got := slices.Sorted(maps.Keys(Checkpoints([]string{root})))
	want := []string{"a/b/one.safetensors", "away/three", "away/two.safetensors"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestTreeOfComfyUI lists what ComfyUI's own folders hold, under ComfyUI's names.
func TestTreeOfComfyUI(t *testing.T) {
	root := tree(t,
		"models/checkpoints/v1-5.safetensors", "models/checkpoints/SD/two.ckpt", "models/checkpoints/three.pt", "models/checkpoints/program.pkl",
		"models/checkpoints/put_checkpoints_here", "models/diffusers/sdxl/model_index.json", "models/diffusers/sdxl/unet/w.safetensors",
		"models/loras/a.safetensors", "models/loras/old.pt", "models/vae/v.safetensors", "models/vae/v.ckpt", "models/embeddings/e.pt",
		"models/controlnet/c.pth", "models/ultralytics/bbox.pt", "models/ultralytics/x.safetensors", "models/unet/u.safetensors",
		"models/diffusion_models/f.safetensors", "models/loose.safetensors", "models/mine/model_index.json",
	)
	env := &Env{ModelPaths: []string{filepath.Join(root, "models")}}
	for got, want := range map[string][]string{
		"checkpoints":      {"SD/two.ckpt", "loose.safetensors", "mine", "sdxl", "three.pt", "v1-5.safetensors"},
		"loras":            {"a.safetensors", "old.pt"},
		"vae":              {"v.ckpt", "v.safetensors"},
		"diffusion_models": {"f.safetensors", "u.safetensors"},
		"controlnet":       {"c.pth"},
	} {
		for _, folder := range []string{root, filepath.Join(root, "models")} {
			env.ModelPaths = []string{folder}
			if names := modelNames(env, got); !slices.Equal(names, want) {
				t.Errorf("%s of %s: %q, want %q", got, folder, names, want)
			}
		}
	}
	if folders := embeddingFolders(env); !slices.Contains(folders, filepath.Join(root, "models", "embeddings")) {
		t.Errorf("embeddings are looked for in %q", folders)
	}
	env.ModelPaths = []string{filepath.Join(root, "models", "checkpoints")}
	if names := modelNames(env, "vae"); !slices.Equal(names, []string{"v.ckpt", "v.safetensors"}) {
		t.Errorf("VAEs beside the checkpoints: %q", names)
	}
}
