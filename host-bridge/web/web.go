// Package web is the editor page, as the build left it: TypeScript in src, bundled into dist by `make web`.
package web

import (
	"embed"
	"io/fs"
)

// dist holds the page, and before it is built nothing but a placeholder, so that Go programs build without npm.
//
//go:embed all:dist
var dist embed.FS

// FS is the folder of the built page. It has no index.html where the page was not built.
func FS() (fs.FS, error) { return fs.Sub(dist, "dist") }
