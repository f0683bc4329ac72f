// Package document writes sections into docs/performance.md between two marks; what stands outside of them is written by hand.
package document

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Document is a file with sections, each of which begins with "### " and its title, between two marks.
type Document struct {
	path, before, after string
	sections            []string
}

// Read reads a document. begin and end are the marks, whole lines.
func Read(path, begin, end string) (*Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return nil, fmt.Errorf("%s does not have the marks %q and %q", path, begin, end)
	}
	d := &Document{path: path, before: before + begin, after: end + after}
	for _, s := range strings.Split(old, "### ")[1:] {
		d.sections = append(d.sections, "### "+strings.TrimRight(s, "\n")+"\n")
	}
	return d, nil
}

// Set puts a section in the place of that of the same title, or behind all others.
func (d *Document) Set(section string) {
	if at := d.find(title(section)); at >= 0 {
		d.sections[at] = section
		return
	}
	d.sections = append(d.sections, section)
}

// Arrange leaves only the sections of these titles, in their order.
func (d *Document) Arrange(titles []string) {
	var all []string
	for _, t := range titles {
		if at := d.find(t); at >= 0 {
			all = append(all, d.sections[at])
		}
	}
	d.sections = all
}

// Write writes the document.
func (d *Document) Write() error {
	var out strings.Builder
	out.WriteString(d.before)
	for _, s := range d.sections {
		out.WriteString(s + "\n")
	}
	return os.WriteFile(d.path, []byte(out.String()+d.after), 0o666)
}

func (d *Document) find(of string) int {
	return slices.IndexFunc(d.sections, func(s string) bool { return title(s) == of })
}

func title(section string) string {
	first, _, _ := strings.Cut(section, "\n")
	return strings.TrimPrefix(first, "### ")
}

// Load says how many processes wanted a CPU in the minute before, where the system tells: numbers taken beside other work are worth less.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	first, _, ok := strings.Cut(string(text), " ")
	if err != nil || !ok {
		return ""
	}
	return ", load " + first + " before"
}
