package family

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// ofPipeline gives the families whose class a folder's model_index.json names. A folder without one is Stable Diffusion's where it has
// a UNet. A folder of a class that no family has is of those whose parts it has: pipelines for other work, and people's own, are often
// made of them. foreign is its class then.
func ofPipeline(dir string, index map[string]any) (families []*Family, foreign string, err error) {
	class, _ := index["_class_name"].(string)
	switch {
	case class == "" && !exists(filepath.Join(dir, sd1.Denoiser.Folder)):
		return nil, "", fmt.Errorf("%s has neither model_index.json nor unet/: give a diffusers folder or a .safetensors file: %w", dir, weights.ErrMissing)
	case class == "":
		class = sd1.Pipelines[0]
	case strings.Contains(class, "Inpaint") || strings.Contains(class, "Pix2Pix"):
		return nil, "", fmt.Errorf("%s holds a %s, give a text-to-image model: %w", dir, class, weights.ErrUnsupported)
	}
	var known []string
	for _, f := range list {
		if slices.Contains(f.Pipelines, class) {
			families = append(families, f)
		}
		if !slices.Contains(known, f.Pipelines[0]) {
			known = append(known, f.Pipelines[0])
		}
	}
	if len(families) > 0 {
		return families, "", nil
	}
	for _, f := range list {
		if f.Denoiser.Folder == unetPart.Folder && f.hasParts(dir) {
			return append(families, sameDenoiser(f)...), class, nil
		}
	}
	return nil, "", fmt.Errorf("%s holds a %s, a folder has to hold a %s: %w", dir, class, strings.Join(known, " or a "), weights.ErrUnsupported)
}

// sameDenoiser gives f and the families that share its class of pipelines.
func sameDenoiser(f *Family) (families []*Family) {
	for _, other := range list {
		if other.Pipelines[0] == f.Pipelines[0] {
			families = append(families, other)
		}
	}
	return families
}

// hasParts says whether a folder has all parts of a family with a UNet, by what their config.json files say of their classes.
func (f *Family) hasParts(dir string) bool {
	if class := classOf(dir, f.Denoiser); class != "UNet2DConditionModel" {
		return false
	}
	if class := classOf(dir, f.VAE); class != "AutoencoderKL" {
		return false
	}
	for _, t := range f.Text {
		if !strings.HasPrefix(classOf(dir, t.Part), "CLIPText") {
			return false
		}
	}
	return true
}

// classOf is the class of a part, as diffusers or transformers wrote it into its config.json; "" where there is none.
func classOf(dir string, p Part) string {
	config, err := weights.ReadJSON(filepath.Join(dir, p.Folder, "config.json"))
	if err != nil {
		return "" // is said when the part is opened
	}
	if class, ok := config["_class_name"].(string); ok {
		return class
	}
	if classes, ok := config["architectures"].([]any); ok && len(classes) == 1 {
		class, _ := classes[0].(string)
		return class
	}
	return ""
}
