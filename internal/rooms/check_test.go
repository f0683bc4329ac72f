package rooms

import (
	"fmt"
	"slices"
	"strings"
)

// module is the prefix of this module's import paths.
const module = "github.com/isac-guidance/isac/"

// unit is one package that go list knows, ours or not.
type unit struct {
	ImportPath    string
	Imports, Deps []string
	Standard      bool
	CgoFiles      []string
}

// own is the path within the module; false for packages of others.
func own(path string) (string, bool) { return strings.CutPrefix(path, module) }

// find gives the room of a package and the pattern that says so: of several the longest.
func find(rooms []room, pkg string) (at int, by pattern) {
	at = -1
	for i, r := range rooms {
		for _, p := range r.patterns {
			if p.covers(pkg) && len(p) > len(by) {
				at, by = i, p
			}
		}
	}
	return at, by
}

// allows tells whether the table lets a package import another.
func allows(rooms []room, pkg, imported string) bool {
	at, by := find(rooms, pkg)
	there, of := find(rooms, imported)
	r := rooms[at]
	return r.anything || r.above && there < at || slices.ContainsFunc(r.imports, func(p pattern) bool { return p.covers(imported) }) ||
		// A room with all below it is one room.
		by == of && strings.HasSuffix(string(by), "/...")
}

// checkRooms lists what is wrong with a module by the table of rooms.
func checkRooms(rooms []room, units []unit) (wrong []string) {
	stale := map[pattern]bool{}
	for _, r := range rooms {
		for _, p := range slices.Concat(r.patterns, r.imports) {
			stale[p] = true
		}
	}
	for _, u := range units {
		pkg, ok := own(u.ImportPath)
		if !ok {
			continue
		}
		for p := range stale {
			if p.covers(pkg) {
				delete(stale, p)
			}
		}
		if at, _ := find(rooms, pkg); at < 0 {
			wrong = append(wrong, fmt.Sprintf("package %s has no row: say there what it holds and may import", pkg))
			continue
		}
		for _, path := range u.Imports {
			if imported, ok := own(path); ok && !allows(rooms, pkg, imported) {
				wrong = append(wrong, fmt.Sprintf("package %s imports %s, which its row does not allow", pkg, imported))
			}
		}
	}
	for p := range stale {
		wrong = append(wrong, fmt.Sprintf("%s is in the table, but no package is there", p))
	}
	slices.Sort(wrong)
	return wrong
}

// checkLimits lists what is linked where it must not be.
func checkLimits(limits []limit, units []unit) (wrong []string) {
	cgo := map[string]bool{}
	for _, u := range units {
		cgo[u.ImportPath] = len(u.CgoFiles) > 0 && !u.Standard
	}
	for _, l := range limits {
		matched := false
		for _, u := range units {
			pkg, ok := own(u.ImportPath)
			if !ok || !slices.ContainsFunc(l.patterns, func(p pattern) bool { return p.covers(pkg) }) {
				continue
			}
			matched = true
			for _, path := range append(slices.Clone(u.Deps), u.ImportPath) {
				linked, _ := own(path) // packages of others keep their path
				if l.cgo && cgo[path] {
					wrong = append(wrong, fmt.Sprintf("package %s links %s, which needs cgo", pkg, linked))
				}
				for _, p := range l.none {
					if path != u.ImportPath && p.covers(linked) {
						wrong = append(wrong, fmt.Sprintf("package %s links %s", pkg, linked))
					}
				}
			}
		}
		if !matched {
			wrong = append(wrong, fmt.Sprintf("%s is in the table, but no package is there", l.patterns))
		}
	}
	slices.Sort(wrong)
	return wrong
}
