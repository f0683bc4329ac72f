package comfyapi

import (
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of names that clients give. A name is part of a path on disk, here or on another machine.
const (
	maxName = 255
	maxPath = 1024
)

// localName says whether a text is one plain file name on every system.
func localName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName && utf8.ValidString(name) &&
		!strings.ContainsAny(name, `/\:`) && !strings.ContainsFunc(name, unicode.IsControl) && filepath.IsLocal(name)
}

// localPath gives a path of plain names, joined by slashes, without the slashes at its end. false: it would lead out of where it
// belongs, or is no path.
func localPath(p string) (string, bool) {
	p = strings.TrimRight(p, "/")
	if len(p) > maxPath {
		return "", false
	}
	for part := range strings.SplitSeq(p, "/") {
		if !localName(part) {
			return "", false
		}
	}
	return p, true
}

// subfolder gives a folder within a kind of files; empty for the folder of the kind itself. false: it would lead out.
func subfolder(given string) (string, bool) {
	if given == "" || given == "." || given == "./" {
		return "", true
	}
	return localPath(strings.TrimPrefix(given, "./"))
}

// annotated takes the kind off a name such as "cat.png [input]", as ComfyUI writes values of image inputs.
func annotated(name string) (plain, kind string) {
	for _, kind := range []string{"output", "input", "temp"} {
		if rest, ok := strings.CutSuffix(name, " ["+kind+"]"); ok {
			return rest, kind
		}
	}
	return name, ""
}

func isKind(kind string) bool { return kind == "output" || kind == "input" || kind == "temp" }

// stemOf parts a name before its ending.
func stemOf(name string) (stem, ending string) {
	ending = path.Ext(name)
	if ending == name { // ".hidden" has no ending
		ending = ""
	}
	return strings.TrimSuffix(name, ending), ending
}
