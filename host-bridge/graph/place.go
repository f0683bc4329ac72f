package graph

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/isac-guidance/isac/plugin"
)

// place is where a file goes, within the folder and with forward slashes.
type place struct {
	dir  string
	name pattern
}

func placeOf(file plugin.File) (place, error) {
	dir := file.Subfolder
	switch file.Type {
	case outputType:
	case tempType:
		dir = path.Join(tempFolder, dir)
	default:
		return place{}, fmt.Errorf("type %q is neither %q nor %q", file.Type, outputType, tempType)
	}
	if file.Subfolder != "" {
		if err := checkSubfolder(file.Subfolder); err != nil {
			return place{}, err
		}
	}
	name, err := parsePattern(file.Name)
	if err != nil {
		return place{}, err
	}
	if err := checkName(name.String()); err != nil {
		return place{}, err
	}
	if dir == "" {
		dir = "."
	}
	return place{dir: dir, name: name}, nil
}

func checkSubfolder(subfolder string) error {
	if strings.HasPrefix(subfolder, "/") || filepath.IsAbs(subfolder) {
		return fmt.Errorf("subfolder %q is absolute; it has to stay within the output folder", subfolder)
	}
	for part := range strings.SplitSeq(subfolder, "/") {
		if err := checkName(part); err != nil {
			return fmt.Errorf("subfolder %q: %w", subfolder, err)
		}
	}
	return nil
}

// checkName takes what is one plain name on every system.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q is no file name; it has to stay within the output folder", name)
	case strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("file name %q holds a separator or a control character", name)
	case strings.HasPrefix(name, unfinished):
		return fmt.Errorf("file name %q is one of those that unfinished files have", name)
	case len(name) > 255:
		return fmt.Errorf("file name %.40q… has %d bytes; file systems take 255", name, len(name))
	case !filepath.IsLocal(name): // names that Windows keeps for devices
		return fmt.Errorf("file name %q is not allowed on this system", name)
	}
	return nil
}
