package nodes

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// embeddingsVariable names further folders of embeddings, separated as PATH is.
const embeddingsVariable = "ISAC_EMBEDDINGS"

// PromptOptions say where prompts find their embeddings: in the folders that the environment variable ISAC_EMBEDDINGS names, in those called
// "embeddings" in the model folders and beside them, and in those that an extra_model_paths.yaml names.
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
		tree := modelfolder.New(env.ModelPaths)
		for _, models := range tree.Roots() {
			add(filepath.Join(models, modelfolder.Embeddings))
			add(filepath.Join(models, "..", modelfolder.Embeddings))
		}
		for _, folder := range tree.Folders(modelfolder.Embeddings) {
			add(folder)
		}
	}
	return folders
}
