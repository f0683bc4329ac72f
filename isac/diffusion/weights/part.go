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

// OpenPart opens the weights of one network in a folder of its own: base.safetensors, a variant of it or shards with an index, in
// this order (see chooseVariant), else its .bin in one file. The files are the caller's to close, also when an error comes back.
func OpenPart(dir, base string) (src Source, files []*File, err error) {
	path, index, err := chooseVariant(dir, base)
	switch {
	case err != nil:
		return nil, nil, err
	case index:
		return openShards(path)
	case path != "":
		f, err := Open(path)
		if err != nil {
			return nil, nil, err
		}
		return f, []*File{f}, nil
	}
	for _, name := range pickledNames(base) {
		f, err := Open(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		return f, []*File{f}, nil
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.bin")); len(found) > 0 {
		return nil, nil, fmt.Errorf("%s has only %s, expected %s.safetensors or %s: %w", dir, filepath.Base(found[0]), base, strings.Join(pickledNames(base), ", "), ErrUnsupported)
	}
	return nil, nil, fmt.Errorf("%s has no %s.safetensors: %w", dir, base, ErrMissing)
}

// pickledNames are the names that diffusers and transformers gave to a network's weights before safetensors, in one file.
func pickledNames(base string) []string {
	names := []string{base + ".bin", base + "." + half + ".bin"}
	if base == "model" {
		names = []string{"pytorch_model.bin", "pytorch_model." + half + ".bin", "model.bin"}
	}
	return names
}

// openShards opens the files that an index names and shows the tensors that it lists.
func openShards(path string) (src Source, files []*File, err error) {
	text, err := ReadText(path)
	if err != nil {
		return nil, files, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, files, fmt.Errorf("%s: %w: %w", path, err, ErrConfig)
	}
	if len(index.WeightMap) == 0 {
		return nil, files, fmt.Errorf("%s: no weight_map: %w", path, ErrConfig)
	}
	var mistakes Mistakes
	shards := map[string]*File{}
	of := map[string]map[string]string{} // shard → its tensors
	for _, name := range sortedKeys(index.WeightMap) {
		shard := index.WeightMap[name]
		if shard != filepath.Base(shard) || !filepath.IsLocal(shard) {
			return nil, files, fmt.Errorf("%s: shard %q lies outside the folder: %w", path, shard, ErrConfig)
		}
		if _, tried := shards[shard]; !tried {
			f, err := Open(filepath.Join(filepath.Dir(path), shard))
			if err != nil {
				mistakes = append(mistakes, err)
			} else {
				files = append(files, f)
			}
			shards[shard], of[shard] = f, map[string]string{}
		}
		if f := shards[shard]; f != nil && !f.Has(name) {
			mistakes = append(mistakes, fmt.Errorf("%s: tensor %q is not in %s: %w", path, name, shard, ErrMissing))
		}
		of[shard][name] = name
	}
	if err := mistakes.err(); err != nil {
		return nil, files, err
	}
	var parts []Source
	for _, shard := range sortedKeys(shards) {
		parts = append(parts, Renamed(shards[shard], of[shard]))
	}
	src, err = newUnion(path, parts...)
	return src, files, err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
