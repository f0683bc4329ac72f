package nodes

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// LoRAs finds LoRA files: those in folders of LoRAs; and of each model folder those in any subfolder "loras" or "lora", or in a folder
// "loras" beside it where it is called "checkpoints" itself, as ComfyUI has them. It returns their paths by the names that lora_name shows:
// relative to the folder of LoRAs, with forward slashes. Of two with one name the first folder's wins. Whether a file is a LoRA is not looked
// at.
func LoRAs(loraFolders, modelFolders []string) map[string]string {
	found := map[string]string{}
	for _, folder := range loraFolders {
		listLoRAs(folder, func(inside string) (string, bool) { return inside, true }, found)
	}
	for _, folder := range modelFolders {
		if folder == "" {
			continue
		}
		if abs, err := filepath.Abs(folder); err == nil && strings.EqualFold(filepath.Base(abs), "checkpoints") {
			listLoRAs(filepath.Join(filepath.Dir(abs), "loras"), func(inside string) (string, bool) { return inside, true }, found)
		}
		listLoRAs(folder, belowLoRAFolder, found)
	}
	return found
}

// listLoRAs adds the files below a folder that name gives a name to.
func listLoRAs(folder string, name func(inside string) (string, bool), found map[string]string) {
	root, err := filepath.Abs(folder)
	if folder == "" || err != nil {
		return
	}
	enter := func(inside string) bool { return !isFile(filepath.Join(root, inside, diffusersFile)) }
	modelfolder.Walk(root, enter, func(inside string, _ fs.FileInfo) {
		if !strings.EqualFold(filepath.Ext(inside), singleFile) {
			return
		}
		if short, ok := name(inside); ok {
			if short = filepath.ToSlash(short); found[short] == "" {
				found[short] = filepath.Join(root, inside)
			}
		}
	})
}

// belowLoRAFolder is a path in a model folder from below its first folder of LoRAs.
func belowLoRAFolder(inside string) (string, bool) {
	parts := strings.Split(filepath.ToSlash(inside), "/")
	for i, part := range parts[:len(parts)-1] {
		if isLoRAFolder(part) {
			return strings.Join(parts[i+1:], "/"), true
		}
	}
	return "", false
}

// isLoRAFolder tells a folder of LoRAs by its name.
func isLoRAFolder(path string) bool {
	name := strings.ToLower(filepath.Base(path))
	return name == "loras" || name == "lora"
}

// loraNames lists the names of the LoRAs of env, sorted.
func loraNames(env *Env) []string {
	if env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(LoRAs(env.LoRAPaths, env.ModelPaths)))
}
