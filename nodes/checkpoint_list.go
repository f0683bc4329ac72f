package nodes

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// What tells a checkpoint from other files and folders.
const (
	singleFile    = ".safetensors"
	diffusersFile = "model_index.json"
	// detectorFile marks a folder of detectors for benches (isac/bench/detect/mini), whose weights make no pictures.
	detectorFile = "detector.json"
	// plainFolder is what a diffusers folder is often called when the folder around it says which model it is; such a one
	// goes by the outer name: examples/mini/model is "mini".
	plainFolder = "model"
)

// Checkpoints finds all checkpoints in the model folders: single .safetensors files, and folders that hold a
// model_index.json. Folders of detectors, of LoRAs and of embeddings are left out. It returns their paths by the names that ckpt_name shows: relative to the model folder, with forward
// slashes. A model folder that is itself a checkpoint goes by its own name. Of two with one name the first folder's wins.
// A folder that cannot be read counts as empty: one missing drive must not hide the other models. Of a folder that links lead to, the
// files are found once, under the folder's own name where that lies within. Whether a checkpoint can be loaded is not looked at.
func Checkpoints(folders []string) map[string]string {
	found := map[string]string{}
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if root, err := filepath.Abs(folder); err == nil {
			listFolder(root, func(name, path string) {
				if _, taken := found[name]; !taken {
					found[name] = path
				}
			})
		}
	}
	return found
}

// listFolder gives the checkpoints of one model folder.
func listFolder(root string, add func(name, path string)) {
	modelfolder.Walk(root, func(inside string) bool {
		folder := filepath.Join(root, inside)
		if isFile(filepath.Join(folder, diffusersFile)) {
			add(folderName(root, inside), folder)
			return false // what lies within are its parts
		}
		return !isLoRAFolder(inside) && filepath.Base(inside) != embeddingsFolder && !isFile(filepath.Join(folder, detectorFile))
	}, func(inside string, _ fs.FileInfo) {
		if strings.EqualFold(filepath.Ext(inside), singleFile) {
			add(filepath.ToSlash(inside), filepath.Join(root, inside))
		}
	})
}

func folderName(root, inside string) string {
	if filepath.Base(filepath.Join(root, inside)) == plainFolder {
		if inside == plainFolder || inside == "" {
			outer := filepath.Dir(filepath.Join(root, inside))
			return filepath.Base(outer)
		}
		return filepath.ToSlash(filepath.Dir(inside))
	}
	return filepath.ToSlash(cmp.Or(inside, filepath.Base(root)))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// checkpointNames lists the names of the checkpoints that env's model folders hold, sorted.
func checkpointNames(env *Env) []string {
	if env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(Checkpoints(env.ModelPaths)))
}
