// Package render turns the records of a bench into tables, plots and a gallery of pictures.
//
// Everything comes from records alone, but for the gallery's pictures. The same records give the same bytes.
package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/bench/task"
)

// Options are what a report can be told.
type Options struct {
	// Base is the method that all others are compared to; empty is "none".
	Base string
	// Methods are those that a gallery shows against Base, one file each; empty is all others.
	Methods []string
	// Picture gives the picture of a record, or an error that is fs.ErrNotExist where it was not kept. nil: no gallery.
	Picture func(score.Record) (image.Image, error)
	// Reader tells which prompts of a file were not read; nil where there was no file.
	Reader *task.Reader
	// Rows of a gallery, each with a pair that gained and one that lost; 0 is 4.
	Rows int
}

// Report writes into dir, which is made if need be: table.md (the tables, with the plots below), summary.json (the same numbers for
// programs), the plots of Plots, and gallery-METHOD.png where pictures are given and a pair differs. It gives the paths. All but the
// galleries and the list of prompts that were not read follows from the records alone.
func Report(dir string, records []score.Record, opt Options) ([]string, error) {
	if opt.Base == "" {
		opt.Base = "none"
	}
	if opt.Rows == 0 {
		opt.Rows = 4
	}
	s, err := score.Summarise(records, opt.Base)
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	plots, err := Plots(dir, s, records)
	if err != nil {
		return nil, err
	}
	galleries, err := galleries(dir, s, records, opt)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := Markdown(&text, s); err != nil {
		return nil, err
	}
	unread(&text, opt.Reader)
	for _, f := range plots {
		if name := filepath.Base(f); strings.HasSuffix(name, ".png") {
			fmt.Fprintf(&text, "\n![%s](%s)\n", pictureText(name), name)
		}
	}
	table, numbers := filepath.Join(dir, "table.md"), filepath.Join(dir, "summary.json")
	if err := writeFile(table, &text); err != nil {
		return nil, err
	}
	encoded, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render: the summary cannot be written as JSON: %w", err)
	}
	if err := os.WriteFile(numbers, append(encoded, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return slices.Concat([]string{table, numbers}, plots, galleries), nil
}

// galleries writes one gallery a method and gives the paths of those that have something to show.
func galleries(dir string, s score.Summary, records []score.Record, opt Options) ([]string, error) {
	if opt.Picture == nil {
		return nil, nil
	}
	methods := opt.Methods
	if len(methods) == 0 {
		methods = s.Methods
	}
	var paths []string
	for _, m := range methods {
		if m == opt.Base {
			continue
		}
		path := filepath.Join(dir, galleryPrefix+fileName(m)+".png")
		err := Gallery(path, records, opt.Picture, opt.Base, m, opt.Rows)
		if errors.Is(err, ErrNothingToShow) {
			continue
		}
		if err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// galleryPrefix begins the names of galleries.
const galleryPrefix = "gallery-"

// fileName makes a method's text fit for a file's name and for a link in Markdown.
func fileName(method string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(`:/\*?"<>| ()`, c) {
			return '-'
		}
		return c
	}, method)
}

// pictureText describes a picture for those who do not see it.
func pictureText(name string) string {
	switch name {
	case "accuracy.png":
		return "accuracy by count, per task and method, with 95 % intervals"
	case "differences.png":
		return "paired differences of every score, with 95 % intervals"
	case "losses.png":
		return "overlap losses over the sampling steps"
	}
	return name
}
