package mini

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// SettingsFile is the file in a detectors' folder that describes it.
const SettingsFile = "detector.json"

// settings is detector.json.
type settings struct {
	Classes   []string `json:"classes"`
	Side      int      `json:"side"` // of the pictures that the networks take, in pixels
	Detectors struct {
		Heatmap  *heatmapSettings  `json:"heatmap"`
		Segments *segmentsSettings `json:"segments"`
	} `json:"detectors"`
}

type heatmapSettings struct {
	File    string  `json:"file"`
	Score   float64 `json:"score"`   // the least height of a peak
	Overlap float64 `json:"overlap"` // of two boxes of one class with a greater IoU the better stays
}

type segmentsSettings struct {
	File   string  `json:"file"`
	Core   float64 `json:"core"`   // a pixel is part of a core above this
	Score  float64 `json:"score"`  // the least score of an object
	Pixels int     `json:"pixels"` // the least size of a core
}

// readSettings reads and checks detector.json of a folder.
func readSettings(dir string) (settings, error) {
	var s settings
	path := filepath.Join(dir, SettingsFile)
	text, err := weights.ReadText(path)
	if err != nil {
		return s, fmt.Errorf("read detectors' settings: %w (give the folder that examples/mini/detector_export.py wrote)", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return s, fmt.Errorf("read detectors' settings %s: %w", path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("read detectors' settings %s: there is more after the first JSON value", path)
	}
	if err := s.check(); err != nil {
		return s, fmt.Errorf("detectors' settings %s: %w", path, err)
	}
	return s, nil
}

// check reports every mistake together.
func (s settings) check() error {
	var errs []error
	add := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if len(s.Classes) == 0 {
		add("classes: none, expected the class words in the order of the networks' channels")
	}
	seen := map[string]bool{}
	for i, class := range s.Classes {
		if strings.TrimSpace(class) == "" || seen[class] {
			add("classes: number %d, %q, is empty or named twice", i+1, class)
		}
		seen[class] = true
	}
	// Three times halved on the way down, and enlarged to the same sizes on the way up.
	if s.Side < 16 || s.Side > 1024 || s.Side%8 != 0 {
		add("side: %d, expected a multiple of 8 from 16 to 1024", s.Side)
	}
	part := func(name string, value float64) {
		if !(value >= 0 && value < 1) {
			add("%s: %v, expected at least 0 and less than 1", name, value)
		}
	}
	file := func(name, value string) {
		if value == "" || value != filepath.Base(value) {
			add("%s: %q, expected the name of a file in the same folder", name, value)
		}
	}
	if h := s.Detectors.Heatmap; h == nil {
		add("detectors: no heatmap")
	} else {
		file("heatmap.file", h.File)
		part("heatmap.score", h.Score)
		part("heatmap.overlap", h.Overlap)
	}
	if g := s.Detectors.Segments; g == nil {
		add("detectors: no segments")
	} else {
		file("segments.file", g.File)
		part("segments.core", g.Core)
		part("segments.score", g.Score)
		if g.Pixels < 1 {
			add("segments.pixels: %d, expected at least 1", g.Pixels)
		}
	}
	return errors.Join(errs...)
}
