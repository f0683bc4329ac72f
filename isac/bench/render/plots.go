package render

import (
	"fmt"
	"os"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Plots writes the plots of a summary into dir, which is made if need be, each as PNG (1200 pixels wide), and gives the
// paths: accuracy (by count, a panel a task), differences (a forest plot of the paired differences to the base; not written
// where there is no other method), losses (L_ins and L_cls over the steps, from those of the records that have them; not
// written where none has). Nothing is written as long as no pair can be compared. The same input gives the same bytes.
func Plots(dir string, s score.Summary, records []score.Record) ([]string, error) {
	if len(s.Tasks) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	var paths []string
	for _, f := range figures(s, records) {
		path, err := f.save(dir)
		if err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func figures(s score.Summary, records []score.Record) []figure {
	all := []figure{accuracyFigure(s)}
	if f, ok := forestFigure(s); ok {
		all = append(all, f)
	}
	names := make([]string, len(s.Tasks))
	for i, t := range s.Tasks {
		names[i] = t.Task
	}
	if f, ok := lossFigure(names, s.Methods, s.Base, records); ok {
		all = append(all, f)
	}
	return all
}
