package clip

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

var errNoFolder = errors.New("no folder of embeddings is known")

// Embeddings are folders of textual inversions, looked through in this order, with all folders in them.
type Embeddings struct {
	Folders []string
}

// endings are what a file's name may lack in a prompt.
var endings = []string{".safetensors", ".pt", ".bin"}

// inversion is the tensor of the files that textual inversion itself writes, beside one that says which token it was trained as.
const inversion = "string_to_param.*"

// mostVectors bounds an embedding: a file of another kind, named by mistake, would otherwise become a prompt of thousands of chunks.
const mostVectors = 4096

// Finder finds embeddings for the text encoder that files know under key: "clip_l", "clip_h", "clip_g". A file that holds no such tensor
// gives the first that it has.
func (e Embeddings) Finder(key string) Find {
	return func(name string) ([][]float32, error) {
		path, err := e.path(name)
		if err != nil {
			return nil, err
		}
		return vectorsOf(path, key)
	}
}

// path finds a file by its name, with or without its ending. No name leads out of the folders.
func (e Embeddings) path(name string) (string, error) {
	if len(e.Folders) == 0 {
		return "", errNoFolder
	}
	inside := filepath.FromSlash(name)
	if !filepath.IsLocal(inside) {
		return "", fmt.Errorf("%q is no name of a file in a folder of embeddings", name)
	}
	for _, root := range e.Folders {
		for _, folder := range foldersOf(root) {
			for _, ending := range append([]string{""}, endings...) {
				path := filepath.Join(folder, inside+ending)
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					return path, nil
				}
			}
		}
	}
	return "", fmt.Errorf("not found in %s", strings.Join(e.Folders, ", "))
}

// deepest is how many folders deep embeddings are looked for. Links are followed, so there has to be an end.
const deepest = 6

// foldersOf lists a folder and all in it. One that cannot be read holds none.
func foldersOf(root string) []string {
	out := []string{root}
	var add func(folder string, depth int)
	add = func(folder string, depth int) {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			inside := filepath.Join(folder, e.Name())
			if info, err := os.Stat(inside); err == nil && info.IsDir() && depth > 0 && len(out) < mostFolders {
				out = append(out, inside)
				add(inside, depth-1)
			}
		}
	}
	add(root, deepest)
	return out
}

// mostFolders ends the walk where links lead in circles.
const mostFolders = 1000

// vectorsOf reads the vectors of one text encoder from a file.
func vectorsOf(path, key string) ([][]float32, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out [][]float32
	for _, name := range tensorsFor(f.Names(), key) {
		rows, err := rowsOf(f, name)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	if len(out) == 0 || len(out) > mostVectors {
		return nil, fmt.Errorf("%s holds %d vectors for %s, expected 1 to %d", filepath.Base(path), len(out), key, mostVectors)
	}
	return out, nil
}

// tensorsFor are the tensors that hold an embedding: those bundled with a LoRA lie side by side.
func tensorsFor(names []string, key string) []string {
	slices.Sort(names)
	if slices.Contains(names, key) {
		return []string{key}
	}
	if slices.Contains(names, inversion) {
		return []string{inversion}
	}
	for _, end := range []string{".string_to_param.*", "." + key} {
		var found []string
		for _, name := range names {
			if strings.HasPrefix(name, "bundle_emb.") && strings.HasSuffix(name, end) {
				found = append(found, name)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return names[:min(1, len(names))]
}

// rowsOf reads a tensor [n,width] or [width].
func rowsOf(f *weights.File, name string) ([][]float32, error) {
	shape, _ := f.Shape(name)
	if n := len(shape); n < 1 || n > 2 || shape[n-1] == 0 || n == 2 && shape[0] > mostVectors {
		return nil, fmt.Errorf("%s: %s has shape %v, expected vectors [n width]: this is no embedding", f.Origin(name), name, shape)
	}
	width := int(shape[len(shape)-1])
	var values []float32
	err := torch.InScope(func() error {
		t, err := f.Tensor(name)
		if err == nil {
			values = t.To(torch.Float32).Contiguous().Float32s()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(values, width)), nil
}
