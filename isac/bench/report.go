package bench

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"os"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/render"
	"github.com/isac-guidance/isac/isac/bench/score"
)

// galleryRows is how many pairs of each kind a gallery shows.
const galleryRows = 6

// Report writes what the records of some folders say to a folder: table.md, summary.json, plots, and a gallery for each other method
// if pictures were kept. It gives the paths of what it wrote. The folders have to be of the same settings, for instance parts of one
// bench from several machines. Where methods are named, only theirs count. The others are compared with the one that the first folder's settings
// name (Settings.Against), else with plain sampling, else with the first of them. The same records give the same bytes.
func Report(folders []*Folder, to string, only []string) ([]string, error) {
	records, err := gather(folders)
	if err != nil {
		return nil, err
	}
	if records, err = chosen(records, only); err != nil {
		return nil, err
	}
	against := folders[0].Settings.Against
	if against == "" {
		against = baseOf(records)
	} else if !slices.ContainsFunc(records, func(r score.Record) bool { return r.Method == against }) {
		return nil, fmt.Errorf("methods are to be compared with %s, of which there are no pictures", against)
	}
	opt := render.Options{Base: against, Rows: galleryRows}
	for _, f := range folders {
		opt.Reader = cmp.Or(opt.Reader, f.Settings.Reader)
	}
	if slices.ContainsFunc(folders, (*Folder).Pictures) {
		opt.Picture = pictureOf(folders)
	}
	return render.Report(to, records, opt)
}

// gather reads the records of all folders, sorted by key.
func gather(folders []*Folder) ([]score.Record, error) {
	var all []score.Record
	for i, f := range folders {
		if i > 0 {
			if _, err := folders[0].Settings.join(f.Settings); err != nil {
				return nil, fmt.Errorf("%s and %s do not go into one table:\n%w", folders[0].Path, f.Path, err)
			}
		}
		records, err := f.Records()
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	if len(all) == 0 {
		return nil, errors.New("no pictures were made yet: there is nothing to report")
	}
	slices.SortStableFunc(all, func(a, b score.Record) int { return strings.Compare(a.Key(), b.Key()) })
	return all, nil
}

// chosen are the records of the named methods, of all where none is named.
func chosen(records []score.Record, only []string) ([]score.Record, error) {
	if len(only) == 0 {
		return records, nil
	}
	methods, err := ParseMethods(only)
	if err != nil {
		return nil, err
	}
	made := map[string]bool{}
	for _, r := range records {
		made[r.Method] = true
	}
	wanted := map[string]bool{}
	var errs []error
	for _, m := range methods {
		wanted[m.String()] = true
		if !made[m.String()] {
			errs = append(errs, fmt.Errorf("there are no pictures of the method %s", m))
		}
	}
	return slices.DeleteFunc(records, func(r score.Record) bool { return !wanted[r.Method] }), errors.Join(errs...)
}

// baseOf gives what methods are compared with: plain sampling, or else the first of them.
func baseOf(records []score.Record) string {
	base := ""
	for _, r := range records {
		if r.Method == Base {
			return Base
		}
		if base == "" || r.Method < base {
			base = r.Method
		}
	}
	return base
}

// pictureOf finds a picture in whichever folder has it.
func pictureOf(folders []*Folder) func(score.Record) (image.Image, error) {
	return func(r score.Record) (image.Image, error) {
		for _, f := range folders {
			if picture, err := f.Picture(r); !errors.Is(err, os.ErrNotExist) {
				return picture, err
			}
		}
		return nil, fmt.Errorf("picture of %s: %w", r.Key(), os.ErrNotExist)
	}
}
