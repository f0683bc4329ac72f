package rooms

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pattern names a package by its path in the module, or with /... at the end a package and all below it.
type pattern string

// covers tells whether a package is meant.
func (p pattern) covers(pkg string) bool {
	root, tree := strings.CutSuffix(string(p), "/...")
	return pkg == root || tree && strings.HasPrefix(pkg, root+"/")
}

// room is a row of the table of rooms.
type room struct {
	patterns []pattern
	imports  []pattern
	// above: the rooms of all rows above may be imported. anything: any package may.
	above, anything bool
}

// limit is a row of the table of what is not linked.
type limit struct {
	patterns []pattern
	// none of these may be among the dependencies, nor theirs: packages of the module, or packages of others by a path with a dot.
	none []pattern
	// cgo: nothing but the standard library may use cgo, and everything builds without it.
	cgo bool
}

var span = regexp.MustCompile("`([^`]+)`")

// spans gives what a cell has in code spans, and the words beside them.
func spans(cell string) (patterns []pattern, words string) {
	for _, found := range span.FindAllStringSubmatch(cell, -1) {
		patterns = append(patterns, pattern(found[1]))
	}
	parts := strings.FieldsFunc(span.ReplaceAllString(cell, ","), func(r rune) bool { return r == ',' })
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			words = strings.TrimSpace(words + " " + part)
		}
	}
	return patterns, words
}

// rows gives the cells of the table with these headings; none where the text has no such table.
func rows(text string, headings ...string) [][]string {
	var found [][]string
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case slices.Equal(cells, headings):
			inside = true
		case inside && strings.Trim(line, "|-: ") != "":
			found = append(found, cells)
		}
	}
	return found
}

// readRooms reads the table of rooms from a document.
func readRooms(text string) ([]room, error) {
	var rooms []room
	for _, cells := range rows(text, "folder", "holds", "may import") {
		if len(cells) != 3 {
			return nil, fmt.Errorf("row %q has %d cells, expected 3", cells, len(cells))
		}
		var r room
		var words string
		if r.patterns, words = spans(cells[0]); len(r.patterns) == 0 || words != "" {
			return nil, fmt.Errorf("folder %q is no list of folders in code spans", cells[0])
		}
		r.imports, words = spans(cells[2])
		r.above, r.anything = words == "all above", words == "anything"
		if words != "" && words != "nothing of ours" && !r.above && !r.anything || words == "" && len(r.imports) == 0 {
			return nil, fmt.Errorf("%q may import %q: expected folders in code spans, \"nothing of ours\", \"all above\" or \"anything\"", cells[0], cells[2])
		}
		rooms = append(rooms, r)
	}
	if len(rooms) == 0 {
		return nil, fmt.Errorf("there is no table with the headings folder, holds, may import")
	}
	return rooms, nil
}

// readLimits reads the table of what is not linked from a document.
func readLimits(text string) ([]limit, error) {
	var limits []limit
	for _, cells := range rows(text, "folder", "links none of", "why") {
		if len(cells) != 3 {
			return nil, fmt.Errorf("row %q has %d cells, expected 3", cells, len(cells))
		}
		var l limit
		var words, more string
		l.patterns, words = spans(cells[0])
		l.none, more = spans(cells[1])
		l.cgo = more == "cgo"
		if words != "" || more != "" && !l.cgo || len(l.patterns) == 0 || len(l.none) == 0 {
			return nil, fmt.Errorf("row %q: expected folders in code spans, and after those that are not linked nothing but \"cgo\"", cells)
		}
		limits = append(limits, l)
	}
	if len(limits) == 0 {
		return nil, fmt.Errorf("there is no table with the headings folder, links none of, why")
	}
	return limits, nil
}
