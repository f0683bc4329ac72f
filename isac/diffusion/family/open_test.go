package family

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// TestClassesOfFolders holds which classes of diffusers' pipelines are of which family, those that start from an image too.
func TestClassesOfFolders(t *testing.T) {
	for class, name := range map[string]string{"StableDiffusionPipeline": "sd1", "StableDiffusionImg2ImgPipeline": "sd1"} {
		dir := copyModel(t)
		put(t, `{"_class_name":"`+class+`"}`, dir, "model_index.json")
		if m := openModel(t, dir); m.Family.Name != name {
			t.Errorf("%s is taken for %s", class, m.Family.Title)
		}
	}
	for _, class := range []string{"LatentConsistencyModelPipeline", "StableDiffusionControlNetPipeline", "MyOwnPipeline"} {
		dir := copyModel(t)
		put(t, `{"_class_name":"`+class+`"}`, dir, "model_index.json")
		addClass(t, dir, "unet", `"_class_name":"UNet2DConditionModel"`)
		addClass(t, dir, "vae", `"_class_name":"AutoencoderKL"`)
		addClass(t, dir, "text_encoder", `"architectures":["CLIPTextModel"]`)
		if m := openModel(t, dir); m.Family.Name != "sd1" || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], class) {
			t.Errorf("%s is taken for %s, with the notes %q", class, m.Family.Title, m.Notes)
		}
	}
	dir := copyModel(t)
	remove(t, dir, "model_index.json")
	if m := openModel(t, dir); m.Family.Name != "sd1" {
		t.Errorf("a folder of parts is taken for %s", m.Family.Title)
	}
}

// TestForeignPartsAreNoted holds that a T5 that is not read is noted, and nothing where there is none.
func TestForeignPartsAreNoted(t *testing.T) {
	path := filepath.Join(fixture.Dir("tiny-sd3"), "single.safetensors")
	for _, with := range []bool{false, true} {
		entries := raw(t, path, unchanged)
		if with {
			entries = append(entries, weights.Entry{Name: "text_encoders.t5xxl.transformer.shared.weight", DType: weights.U8, Shape: []int64{1}, Data: []byte{1}})
		}
		m := openModel(t, write(t, filepath.Join(t.TempDir(), "model.safetensors"), entries...))
		if noted := len(m.Notes) == 1 && strings.Contains(m.Notes[0], "T5"); noted != with || !with && len(m.Notes) > 0 {
			t.Errorf("with T5 %v: notes %q", with, m.Notes)
		}
	}
	if m := openModel(t, fixture.Dir("tiny-sd3")); len(m.Notes) != 0 {
		t.Errorf("a folder without T5 has the notes %q", m.Notes)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fixture.Dir("tiny-sd3"))); err != nil {
		t.Fatal(err)
	}
	put(t, "{}", dir, "text_encoder_3", "config.json")
	if m := openModel(t, dir); len(m.Notes) != 1 {
		t.Errorf("a folder with T5 has the notes %q", m.Notes)
	}
}

// addClass adds a member to a part's config.json, which those of the fixtures lack.
func addClass(t *testing.T, dir, part, member string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, part, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, strings.Replace(string(text), "{", "{"+member+",", 1), dir, part, "config.json")
}
