package modelfolder

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Check says what is wrong with folders of models that somebody gave: all that are not there, that are no folders, and files of folders that
// cannot be read. Folders that such a file names need not be there.
func Check(paths []string) error {
	var wrong []error
	for _, path := range paths {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			err = fmt.Errorf("folder of models %s: there is no such folder; give one that exists", path)
		case err != nil:
			err = fmt.Errorf("folder of models: %w", err)
		case isYAML(path):
			_, err = readExtra(path)
		case !info.IsDir():
			err = fmt.Errorf("folder of models %s: this is a file; give the folder %s", path, filepath.Dir(path))
		default:
			if file := filepath.Join(path, extraFile); isFile(file) {
				_, err = readExtra(file)
			}
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
