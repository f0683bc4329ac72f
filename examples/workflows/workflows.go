// Package workflows holds the example workflows, for hosts to offer them as templates.
package workflows

import "embed"

// FS holds them, *.json.
//
//go:embed *.json
var FS embed.FS
