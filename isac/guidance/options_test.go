package guidance

import "testing"

// TestWindow checks which steps are guided.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		start, end         float64
		count, first, stop int
	}{
		{0, 1, 20, 0, 20}, {0, 0.5, 20, 0, 10}, {0, 0.5, 5, 0, 3}, {0.2, 0.5, 10, 2, 5}, {0.1, 0.2, 30, 3, 6}, {0.9, 1, 4, 4, 4}, {0, 0.01, 20, 0, 1},
		{0.07, 0.14, 100, 7, 14}, // both products are a little too large in floating point

	} {
		o := Options{Start: tt.start, End: tt.end}
		if first, stop := o.Window(tt.count); first != tt.first || stop != tt.stop {
			t.Errorf("window %v to %v of %d steps: %d to %d, want %d to %d", tt.start, tt.end, tt.count, first, stop, tt.first, tt.stop)
		}
	}
}
