package graph

import (
	"path"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// CheckName says what is wrong with name, subfolder and type of a file, for hosts that keep files elsewhere than in a Folder.
func CheckName(file plugin.File) error {
	_, err := placeOf(file)
	return err
}

// number reads the number of a name. As in ComfyUI files that differ only in their extension count together.
func (p pattern) number(name string) (int, bool) {
	rest, ok := strings.CutPrefix(name, p.before)
	if !ok {
		return 0, false
	}
	stem := strings.TrimSuffix(p.after, path.Ext(p.after))
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	if len(digits) < p.width || len(digits) > 15 || !strings.HasPrefix(rest[len(digits):], stem) {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}
