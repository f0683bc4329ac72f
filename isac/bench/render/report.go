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
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Options are what a report can be told.
type Options struct {
	// Base is the method that all others are compared to; empty is "none".
	Base string
	// Method is the one that the gallery shows against Base; empty is the first that is neither Base nor a random direction.
	Method string
	// Picture gives the picture of a record, or an error that is fs.ErrNotExist where it was not kept. nil: no gallery.
	Picture func(score.Record) (image.Image, error)
	// Rows of the gallery, each with a pair that gained and one that lost; 0 is 4.
	Rows int
}

// Report writes into dir, which is made if need be: table.md (the tables, with the pictures below), summary.json (the same numbers for
// programs), the plots of Plots, and gallery.png where pictures are given and a pair differs.
func Report(dir string, records []score.Record, opt Options) error {
	if opt.Base == "" {
		opt.Base = "none"
	}
	if opt.Rows == 0 {
		opt.Rows = 4
	}
	s, err := score.Summarise(records, opt.Base)
	if err != nil {
		return fmt.Errorf("render: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	files, err := Plots(dir, s, records)
	if err != nil {
		return err
	}
	if opt.Method == "" {
		opt.Method = galleryMethod(s)
	}
	if opt.Picture != nil && opt.Method != "" {
		path := filepath.Join(dir, "gallery.png")
		err := Gallery(path, records, opt.Picture, opt.Base, opt.Method, opt.Rows)
		switch {
		case err == nil:
			files = append(files, path)
		case !errors.Is(err, ErrNothingToShow):
			return err
		}
	}
	var text bytes.Buffer
	if err := Markdown(&text, s); err != nil {
		return err
	}
	for _, f := range files {
		if name := filepath.Base(f); strings.HasSuffix(name, ".png") {
			fmt.Fprintf(&text, "\n![%s](%s)\n", pictureText(name), name)
		}
	}
	if err := writeFile(filepath.Join(dir, "table.md"), &text); err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("render: the summary cannot be written as JSON: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "summary.json"), append(encoded, '\n'), 0o644); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

// galleryMethod is the first method that is worth looking at beside the base.
func galleryMethod(s score.Summary) string {
	first := ""
	for _, m := range s.Methods {
		if m == s.Base {
			continue
		}
		if !strings.HasPrefix(m, "random") {
			return m
		}
		if first == "" {
			first = m
		}
	}
	return first
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
	case "gallery.png":
		return "pairs of pictures in which the methods differ most, gained and lost"
	}
	return name
}
