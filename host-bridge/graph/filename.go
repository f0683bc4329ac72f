package graph

import (
	"path"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// FileName is where a file goes that a node made, for hosts that keep files elsewhere than in a Folder.
type FileName struct{ place place }

// NameOf checks name, subfolder and type of a file and reads the counter in its name.
func NameOf(file plugin.File) (FileName, error) {
	p, err := placeOf(file)
	return FileName{p}, err
}

// Pattern is the name with the number 1; it is the same for all files that count together.
func (n FileName) Pattern() string { return n.place.name.String() }

// Counts says that the name holds a counter.
func (n FileName) Counts() bool { return n.place.name.counts }

// Numbered is the name with a number; without a counter it is the name as it is.
func (n FileName) Numbered(number int) string { return n.place.name.numbered(number) }

// Number is the number that another file's name has by this one's pattern. As in ComfyUI files that differ only in their extension
// count together.
func (n FileName) Number(name string) (int, bool) { return n.place.name.number(name) }

// number reads the number of a name.
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
