package nodes

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// savePlace reads a filename_prefix as ComfyUI does: "animals/cats" goes to the subfolder animals; %width%, %height%, %year%,
// %month%, %day%, %hour%, %minute% and %second% are filled in. A prefix that leaves the output folder is an error.
func savePlace(prefix string, width, height int, now time.Time) (subfolder, name string, err error) {
	two := func(n int) string { return fmt.Sprintf("%02d", n) }
	filled := strings.NewReplacer(
		"%width%", strconv.Itoa(width), "%height%", strconv.Itoa(height),
		"%year%", strconv.Itoa(now.Year()), "%month%", two(int(now.Month())), "%day%", two(now.Day()),
		"%hour%", two(now.Hour()), "%minute%", two(now.Minute()), "%second%", two(now.Second()),
		`\`, "/",
	).Replace(prefix)
	clean := path.Clean(filled)
	bad := func(want string) (string, string, error) {
		return "", "", fmt.Errorf("filename_prefix %q: expected %s", prefix, want)
	}
	switch {
	case filled == "" || strings.HasSuffix(filled, "/") || clean == ".":
		return bad("a file name, such as ComfyUI or animals/cats")
	case path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../"):
		return bad("a path within the output folder, without a leading slash and without ..")
	case strings.ContainsFunc(filled, func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(`:*?"<>|`, r) }):
		return bad(`a name that every file system takes, without control characters and : * ? " < > |`)
	}
	subfolder, name = path.Split(clean)
	return strings.TrimSuffix(subfolder, "/"), name, nil
}

// saveName is the pattern of File.Name for one image of a batch: ComfyUI's numbering, cats_00001_.png.
func saveName(name string, batch int) string {
	name = strings.ReplaceAll(name, "%batch_num%", strconv.Itoa(batch))
	return strings.ReplaceAll(name, "%", "%%") + "_%05d_.png"
}
