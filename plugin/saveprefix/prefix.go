// Package saveprefix reads filename_prefix as ComfyUI's server and its page do together: hosts check it before anything runs, nodes fill it in.
package saveprefix

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Filling is what the parts between percent signs stand for.
type Filling struct {
	// Width and Height of the picture, in pixels.
	Width, Height int
	// Now is the time that %year% and %date:…% tell.
	Now time.Time
	// Widget gives what %Node.widget% stands for: the value of an input of the node that is called so. false leaves it as it is, and so
	// does nil.
	Widget func(node, widget string) (string, bool)
}

// Place parts a prefix into a folder below the output folder and the beginning of the files' names: "animals/cats" goes to the subfolder
// animals. These parts are filled in:
//
//   - %width%, %height%, %year%, %month%, %day%, %hour%, %minute%, %second%: by ComfyUI's server.
//   - %date:yyyy-MM-dd% with yyyy, yy, M, d, h, m, s, and %Node.widget%: by ComfyUI's page. Here they work for clients that have no page too.
//
// Others stay. As in ComfyUI a slash at the end counts for nothing. An empty prefix leaves the number alone as the name. A prefix that leads
// out of the output folder, or that some file systems do not take, is an error.
func Place(prefix string, f Filling) (subfolder, name string, err error) {
	filled := strings.NewReplacer(
		"%width%", strconv.Itoa(f.Width), "%height%", strconv.Itoa(f.Height),
		"%year%", strconv.Itoa(f.Now.Year()), "%month%", f.Now.Format("01"), "%day%", f.Now.Format("02"),
		"%hour%", f.Now.Format("15"), "%minute%", f.Now.Format("04"), "%second%", f.Now.Format("05"),
	).Replace(between.ReplaceAllStringFunc(prefix, f.part))
	filled = strings.ReplaceAll(filled, `\`, "/")
	clean := path.Clean(filled)
	bad := func(want string) (string, string, error) {
		return "", "", fmt.Errorf("filename_prefix %q: expected %s", prefix, want)
	}
	switch {
	case path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../"):
		return bad("a path within the output folder, without a leading slash and without ..")
	case strings.ContainsFunc(filled, func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(`:*?"<>|`, r) }):
		return bad(`a name that every file system takes, without control characters and : * ? " < > |`)
	case len(filled) > mostBytes:
		return bad(fmt.Sprintf("at most %d bytes", mostBytes))
	case clean == ".":
		return "", "", nil
	}
	for part := range strings.SplitSeq(clean, "/") {
		if len(part) > mostPart {
			return bad(fmt.Sprintf("at most %d bytes between slashes", mostPart))
		}
	}
	subfolder, name = path.Split(clean)
	return strings.TrimSuffix(subfolder, "/"), name, nil
}

// Bounds of paths: file systems take 255 bytes a name, and a number and an ending follow.
const (
	mostBytes = 900
	mostPart  = 200
)

// Check is Place before anything is known: it says what is wrong whatever the parts between percent signs will be.
func Check(prefix string) error {
	_, _, err := Place(prefix, Filling{Widget: func(string, string) (string, bool) { return "0", true }})
	return err
}

// between is what stands between two percent signs.
var between = regexp.MustCompile(`%[^%]+%`)

func (f Filling) part(text string) string {
	inner := text[1 : len(text)-1]
	if format, ok := strings.CutPrefix(inner, "date:"); ok {
		return date(format, f.Now)
	}
	node, widget, two := strings.Cut(inner, ".")
	if two && !strings.Contains(widget, ".") && f.Widget != nil {
		if value, ok := f.Widget(node, widget); ok {
			return plain(value)
		}
	}
	return text
}

// plain puts an underscore for each character that may not stand in a name, as ComfyUI's page does.
func plain(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/?<>\:*|"`, r) {
			return '_'
		}
		return r
	}, value)
}

// dateParts are the runs of letters that a format of dates is made of.
var dateParts = regexp.MustCompile(`dd?|MM?|hh?|mm?|ss?|yyy?y?`)

func date(format string, now time.Time) string {
	return dateParts.ReplaceAllStringFunc(format, func(part string) string {
		n := 0
		switch part[0] {
		case 'y':
			switch len(part) {
			case 2:
				return now.Format("06")
			case 4:
				return now.Format("2006")
			}
			return part
		case 'd':
			n = now.Day()
		case 'M':
			n = int(now.Month())
		case 'h':
			n = now.Hour()
		case 'm':
			n = now.Minute()
		case 's':
			n = now.Second()
		}
		return fmt.Sprintf("%0*d", len(part), n)
	})
}
