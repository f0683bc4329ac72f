package onnx

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// decode reads detections from a YOLO's output, in pixels of its input, the most certain first.
func (y *yolo) decode(out tensor) ([]detect.Detection, error) {
	if len(out.shape) != 3 || out.shape[0] != 1 {
		return nil, fmt.Errorf("the output has shape %v, expected [1 4+C N] or [1 N 6]", out.shape)
	}
	rows, columns := int(out.shape[1]), int(out.shape[2])
	if y.endToEnd || columns == 6 {
		return y.decodeRows(out.data, rows, columns)
	}
	if err := y.columns(rows); err != nil {
		return nil, fmt.Errorf("%w, but there are %d class names", err, len(y.words))
	}
	// Suppression is in the input's pixels: at the picture's edge boxes are cut, which changes their overlap.
	found := detect.Suppress(y.decodeColumns(out.data, columns), MaxIoU)
	return found[:min(len(found), mostDetections)], nil
}

// decodeColumns reads [4+C,N]: a box per column.
func (y *yolo) decodeColumns(data []float32, n int) []detect.Detection {
	var found []detect.Detection
	at := func(row, column int) float64 { return float64(data[row*n+column]) }
	for i := range n {
		best, score := 0, math.Inf(-1)
		for c := range y.words {
			if s := at(4+c, i); s > score {
				best, score = c, s
			}
		}
		if !(score > Confidence) {
			continue
		}
		x, y0, w, h := at(0, i), at(1, i), at(2, i)/2, at(3, i)/2
		found = append(found, detect.Detection{
			Class: y.words[best],
			Score: min(score, 1),
			Box:   detect.Box{X0: x - w, Y0: y0 - h, X1: x + w, Y1: y0 + h},
		})
	}
	return found
}

// decodeRows reads [N,6+…]: a detection per row, empty ones with score 0.
func (y *yolo) decodeRows(data []float32, n, columns int) ([]detect.Detection, error) {
	if columns < 6 {
		return nil, fmt.Errorf("the output has %d numbers for a detection, expected 6: x0, y0, x1, y1, score, class", columns)
	}
	var found []detect.Detection
	for i := range n {
		row := data[i*columns:]
		score := float64(row[4])
		if !(score > Confidence) {
			continue
		}
		class := int(math.Round(float64(row[5])))
		if class < 0 || class >= len(y.words) {
			return nil, fmt.Errorf("the output has class index %v, but there are %d class names", row[5], len(y.words))
		}
		found = append(found, detect.Detection{
			Class: y.words[class],
			Score: min(score, 1),
			Box:   detect.Box{X0: float64(row[0]), Y0: float64(row[1]), X1: float64(row[2]), Y1: float64(row[3])},
		})
	}
	slices.SortStableFunc(found, func(a, b detect.Detection) int { return cmp.Compare(b.Score, a.Score) })
	return found[:min(len(found), mostDetections)], nil
}
