package nodes

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
)

const (
	// embeddingsFolder is what ComfyUI calls the folder of textual inversions, beside the one of checkpoints.
	embeddingsFolder = "embeddings"
	// embeddingsVariable names further folders of embeddings, separated as PATH is.
	embeddingsVariable = "ISAC_EMBEDDINGS"
)

// PromptOptions say where prompts find their embeddings: in the folders that the environment variable ISAC_EMBEDDINGS names, and in
// those called "embeddings" in the model folders and beside them.
func PromptOptions(env *Env) diffusion.PromptOptions {
	return diffusion.PromptOptions{Embeddings: clip.Embeddings{Folders: embeddingFolders(env)}}
}

func embeddingFolders(env *Env) []string {
	var folders []string
	add := func(folder string) {
		folder, err := filepath.Abs(folder)
		if err == nil && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv(embeddingsVariable)) {
		if folder != "" {
			add(folder)
		}
	}
	if env != nil {
		for _, models := range env.ModelPaths {
			if models != "" {
				add(filepath.Join(models, embeddingsFolder))
				add(filepath.Join(models, "..", embeddingsFolder))
			}
		}
	}
	return folders
}
