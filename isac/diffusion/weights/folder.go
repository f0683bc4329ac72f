package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openFolder opens a diffusers folder.
func openFolder(dir string) (*ModelFiles, error) {
	m := &ModelFiles{Path: dir, Layout: Diffusers}
	var mistakes Mistakes
	note := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	config := func(parts ...string) map[string]any {
		c, err := readConfig(filepath.Join(append([]string{dir}, parts...)...))
		note(err)
		return c
	}
	m.Config.Index = config("model_index.json")
	if len(mistakes) == 0 {
		if err := checkPipeline(dir, m.Config.Index); err != nil {
			return nil, err
		}
	}
	m.Config.UNet = config("unet", "config.json")
	m.Config.VAE = config("vae", "config.json")
	m.Config.Text = config("text_encoder", "config.json")
	m.Config.Tokenizer = config("tokenizer", "tokenizer_config.json")
	m.Config.SpecialTokens = config("tokenizer", "special_tokens_map.json")
	m.Config.Scheduler = config("scheduler", "scheduler_config.json")

	var err error
	m.UNet, err = m.openPart(filepath.Join(dir, "unet"), "diffusion_pytorch_model")
	note(err)
	m.VAE, err = m.openPart(filepath.Join(dir, "vae"), "diffusion_pytorch_model")
	note(err)
	m.Text, err = m.openPart(filepath.Join(dir, "text_encoder"), "model")
	note(err)
	m.Tokenizer, err = readTokenizer(filepath.Join(dir, "tokenizer"))
	note(err)
	if err := mistakes.err(); err != nil {
		m.Close()
		return nil, err
	}
	m.VAE, m.Text = vaeNames(m.VAE), textNames(m.Text)
	return m, nil
}

// checkPipeline refuses a folder of another family by what its model_index.json says and by its parts.
func checkPipeline(dir string, index map[string]any) error {
	class, _ := index["_class_name"].(string)
	switch {
	case class == "" && !exists(filepath.Join(dir, "unet")):
		return fmt.Errorf("%s has neither model_index.json nor unet/: give a diffusers folder or a .safetensors file: %w", dir, ErrMissing)
	case strings.Contains(class, "Inpaint") || strings.Contains(class, "Pix2Pix"):
		return fmt.Errorf("%s holds a %s, give a text-to-image model: %w", dir, class, ErrUnsupported)
	case class == "" || class == "StableDiffusionPipeline" || class == "StableDiffusionImg2ImgPipeline":
		return nil
	}
	return fmt.Errorf("%s holds a %s, a folder has to hold a StableDiffusionPipeline: %w", dir, class, ErrUnsupported)
}

// openPart opens the weights of one network: one file or shards with an index, see chooseVariant.
func (m *ModelFiles) openPart(dir, base string) (Source, error) {
	path, index, err := chooseVariant(dir, base)
	switch {
	case err != nil:
		return nil, err
	case index:
		return m.openShards(path)
	case path != "":
		f, err := Open(path)
		if err != nil {
			return nil, err
		}
		m.files = append(m.files, f)
		return f, nil
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.bin")); len(found) > 0 {
		return nil, fmt.Errorf("%s has only %s, a pickle file: convert it to safetensors: %w", dir, filepath.Base(found[0]), ErrUnsupported)
	}
	return nil, fmt.Errorf("%s has no %s.safetensors: %w", dir, base, ErrMissing)
}

// openShards opens the files that an index names and shows the tensors that it lists.
func (m *ModelFiles) openShards(path string) (Source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, err, ErrConfig)
	}
	if len(index.WeightMap) == 0 {
		return nil, fmt.Errorf("%s: no weight_map: %w", path, ErrConfig)
	}
	var mistakes Mistakes
	shards := map[string]*File{}
	of := map[string]map[string]string{} // shard → its tensors
	for _, name := range sortedKeys(index.WeightMap) {
		shard := index.WeightMap[name]
		if shard != filepath.Base(shard) || !filepath.IsLocal(shard) {
			return nil, fmt.Errorf("%s: shard %q lies outside the folder: %w", path, shard, ErrConfig)
		}
		if _, tried := shards[shard]; !tried {
			f, err := Open(filepath.Join(filepath.Dir(path), shard))
			if err != nil {
				mistakes = append(mistakes, err)
			} else {
				m.files = append(m.files, f)
			}
			shards[shard], of[shard] = f, map[string]string{}
		}
		if f := shards[shard]; f != nil && !f.Has(name) {
			mistakes = append(mistakes, fmt.Errorf("%s: tensor %q is not in %s: %w", path, name, shard, ErrMissing))
		}
		of[shard][name] = name
	}
	if err := mistakes.err(); err != nil {
		return nil, err
	}
	var parts []Source
	for _, shard := range sortedKeys(shards) {
		parts = append(parts, Renamed(shards[shard], of[shard]))
	}
	return newUnion(path, parts...)
}

// readTokenizer reads what there is of a tokenizer's files.
func readTokenizer(dir string) (TokenizerFiles, error) {
	t := TokenizerFiles{Path: dir}
	for name, to := range map[string]*[]byte{"vocab.json": &t.Vocab, "merges.txt": &t.Merges, "tokenizer.json": &t.JSON} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return t, fmt.Errorf("read tokenizer: %w", err)
		}
		*to = text
	}
	if (t.Vocab == nil) != (t.Merges == nil) && t.JSON == nil {
		return t, fmt.Errorf("read tokenizer: %s has only one of vocab.json and merges.txt: %w", dir, ErrMissing)
	}
	return t, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
