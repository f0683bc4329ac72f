package comfyapi

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// listModels gives each file of a model in a folder and those below it.
func listModels(root string, add func(name string, info fs.FileInfo)) {
	modelfolder.Walk(root, nil, func(inside string, info fs.FileInfo) {
		if name := filepath.ToSlash(inside); slices.Contains(modelEndings, strings.ToLower(path.Ext(name))) {
			add(name, info)
		}
	})
}
