package synth

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// line is a name and a shape as the lists of testdata/shapes have them.
func line(name string, shape []int64) string {
	return strings.TrimSuffix(name+" "+strings.Trim(fmt.Sprint(shape), "[]"), " ")
}

func lines(src weights.Source) []string {
	var all []string
	for _, name := range src.Names() {
		shape, _ := src.Shape(name)
		all = append(all, line(name, shape))
	}
	slices.Sort(all)
	return all
}

func list(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, s.Text())
	}
	slices.Sort(all)
	return all
}

// same tells the first difference of two lists in either direction.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) && len(got) > 0 {
		return
	}
	for _, one := range []struct {
		text        string
		list, other []string
	}{{"is not in the list", got, want}, {"is missing", want, got}} {
		known := map[string]bool{}
		for _, line := range one.other {
			known[line] = true
		}
		if i := slices.IndexFunc(one.list, func(line string) bool { return !known[line] }); i >= 0 {
			t.Errorf("%s: %q %s", what, one.list[i], one.text)
		}
	}
	t.Errorf("%s: %d tensors, the list has %d", what, len(got), len(want))
}

func full(t *testing.T, name string) (variant, *family.Family, checkpoint) {
	t.Helper()
	v, err := named(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := family.Named(v.family)
	if err != nil {
		t.Fatal(err)
	}
	return v, f, checkpoint{v.full.build(f), weights.F16}
}

// TestSingleFilesHaveTheExactTensors compares full-size single files with the lists that the classes gave which wrote the published ones.
func TestSingleFilesHaveTheExactTensors(t *testing.T) {
	for _, c := range []struct{ name, list, below string }{
		{"sd1", "../weights/testdata/sd15_ldm.txt", ""},
		{"sd2", filepath.Join(fixture.Dir("shapes"), "sd21-single.txt"), ""},
		{"sd2-v", filepath.Join(fixture.Dir("shapes"), "sd21-single.txt"), ""},
		{"sdxl", filepath.Join(fixture.Dir("shapes"), "sdxl-single.txt"), ""},
		{"sd3", filepath.Join(fixture.Dir("shapes"), "sd35-medium-single.txt"), "model.diffusion_model."},
		{"sd3-medium", filepath.Join(fixture.Dir("shapes"), "sd3-medium-single.txt"), "model.diffusion_model."},
	} {
		_, _, all := full(t, c.name)
		var src weights.Source = all
		if c.below != "" {
			src = weights.Prefix(all, c.below)
		}
		want := list(t, c.list)
		if c.name == "sd1" { // its list was made with a transformers that does not store them; the published file has them, as SDXL's
			want = append(want, "cond_stage_model.transformer.text_model.embeddings.position_ids 1 77")
			slices.Sort(want)
		}
		same(t, c.name, lines(src), want)
	}
}

// TestFoldersHaveTheExactTensors does the same for diffusers folders, with diffusers' and transformers' lists.
func TestFoldersHaveTheExactTensors(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts map[string]string // folder → list
	}{
		{"sd1", map[string]string{"unet": "sd15-unet", "vae": "sd15-vae", "text_encoder": "sd15-text"}},
		{"sd2", map[string]string{"unet": "sd21-unet", "vae": "sd15-vae", "text_encoder": "sd21-text"}},
		{"sdxl", map[string]string{"unet": "sdxl-unet", "vae": "sd15-vae", "text_encoder": "sd15-text", "text_encoder_2": "sdxl-text2"}},
		{"sd3", map[string]string{"transformer": "sd35-medium-transformer", "text_encoder": "sd15-text", "text_encoder_2": "sdxl-text2"}},
		{"sd3-medium", map[string]string{"transformer": "sd3-medium-transformer", "text_encoder": "sd15-text", "text_encoder_2": "sdxl-text2"}},
	} {
		v, f, all := full(t, c.name)
		parts := map[string]folderPart{}
		for _, p := range folderParts(f, v.full, all) {
			parts[p.folder] = p
		}
		for _, folder := range slices.Sorted(maps.Keys(c.parts)) {
			want := list(t, filepath.Join(fixture.Dir("shapes"), c.parts[folder]+".txt"))
			tensors := parts[folder].tensors
			got := make([]string, len(tensors))
			for i, p := range tensors {
				got[i] = line(p.name, p.shape)
			}
			if strings.HasPrefix(folder, "text_encoder") { // transformers 5 leaves "text_model." out of some
				for _, names := range [][]string{got, want} {
					for i, line := range names {
						names[i] = strings.TrimPrefix(line, "text_model.")
					}
				}
				if c.name[:3] == "sd3" && folder == "text_encoder" {
					want = append(want, "text_projection.weight 768 768") // CLIPTextModelWithProjection has it besides
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			same(t, c.name+" "+folder, got, want)
		}
	}
}

// TestAutoencoderOf3 holds that it is Stable Diffusion 1's but for its 16 channels and the convolutions that it does without.
func TestAutoencoderOf3(t *testing.T) {
	v, f, all := full(t, "sd3")
	for _, p := range folderParts(f, v.full, all) {
		if p.folder != "vae" {
			continue
		}
		one := fixture.ReadShapes(t, "sd15-vae")
		if len(p.tensors) != len(one)-4 {
			t.Errorf("%d tensors, want %d", len(p.tensors), len(one)-4)
		}
		for _, tensor := range p.tensors {
			want := slices.Clone(one[tensor.name])
			switch tensor.name {
			case "encoder.conv_out.weight", "encoder.conv_out.bias":
				want[0] = 32
			case "decoder.conv_in.weight":
				want[1] = 16
			}
			if !slices.Equal(tensor.shape, want) {
				t.Errorf("%s has shape %v, want %v", tensor.name, tensor.shape, want)
			}
		}
	}
}
