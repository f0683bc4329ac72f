package mini

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Open loads both detectors of a folder, "heatmap" first, "segments" second. What is wrong with the settings is reported
// together, and so is what is wrong with the two files of weights (weights.ErrMissing, weights.ErrShape and the like). The
// caller closes both; after an error there is none to close.
func Open(dir string) ([]detect.Detector, error) {
	s, err := readSettings(dir)
	if err != nil {
		return nil, err
	}
	if err := torch.Load(""); err != nil {
		return nil, fmt.Errorf("open detectors %s: %w", dir, err)
	}
	heatmap, segments := *s.Detectors.Heatmap, *s.Detectors.Segments
	first, err1 := open(dir, heatmap.File, s, newHeatmapNet)
	second, err2 := open(dir, segments.File, s, newSegmentsNet)
	if err := errors.Join(err1, err2); err != nil {
		for _, d := range []*detector{first, second} {
			if d != nil {
				_ = d.Close()
			}
		}
		return nil, fmt.Errorf("open detectors %s: %w", dir, err)
	}
	first.name, first.read = "heatmap", func(g grid) []detect.Detection { return peaks(g, s.Classes, heatmap) }
	second.name, second.read = "segments", func(g grid) []detect.Detection { return objects(g, s.Classes, segments) }
	return []detect.Detector{first, second}, nil
}

// open loads one network and checks that the file holds what it needs and nothing else.
func open(dir, file string, s settings, build func(*weights.Params, int64) network) (*detector, error) {
	f, err := weights.Open(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := weights.NewParams(f, torch.Float32, torch.CPU)
	net := build(p, int64(len(s.Classes)))
	if unused := p.Unused(); len(unused) > 0 {
		p.Fail(fmt.Errorf("%s: the tensors %q have no place in this detector: is it the other one's file?: %w", file, unused, weights.ErrUnsupported))
	}
	if err := p.Err(); err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &detector{classes: s.Classes, side: s.Side, weights: p, net: net}, nil
}
