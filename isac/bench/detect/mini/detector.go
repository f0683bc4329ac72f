package mini

import (
	"errors"
	"fmt"
	"image"
	"slices"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// ErrClosed says that a detector was closed before.
var ErrClosed = errors.New("the detector is closed")

// detector is one network and how its answer is read.
type detector struct {
	name    string
	classes []string
	side    int
	weights *weights.Params
	net     network
	read    func(grid) []detect.Detection // boxes in pixels of the side × side picture
}

var _ detect.Detector = (*detector)(nil)

// Name is "heatmap" or "segments".
func (d *detector) Name() string { return d.name }

// Classes are the class words of detector.json, in its order.
func (d *detector) Classes() []string { return slices.Clone(d.classes) }

// Detect gives the objects of these classes. A picture of another size is stretched to the network's, and the boxes are those of
// the picture that was given. Errors: ErrClosed, an empty picture, or libtorch's.
func (d *detector) Detect(picture image.Image, classes []string) ([]detect.Detection, error) {
	if picture == nil || picture.Bounds().Empty() {
		return nil, fmt.Errorf("%s: the picture is empty, expected at least one pixel", d.name)
	}
	g, err := d.answer(planes(picture, d.side))
	if err != nil {
		return nil, err
	}
	wide := float64(picture.Bounds().Dx()) / float64(d.side)
	high := float64(picture.Bounds().Dy()) / float64(d.side)
	var found []detect.Detection
	for _, f := range d.read(g) {
		if !slices.Contains(classes, f.Class) {
			continue
		}
		f.Box = detect.Box{X0: f.Box.X0 * wide, Y0: f.Box.Y0 * high, X1: f.Box.X1 * wide, Y1: f.Box.Y1 * high}
		found = append(found, f)
	}
	return found, nil
}

// answer runs the network on the numbers of one picture.
func (d *detector) answer(planes []float32) (grid, error) {
	if d.net == nil {
		return grid{}, fmt.Errorf("%s: %w", d.name, ErrClosed)
	}
	var g grid
	err := torch.InScope(func() error {
		torch.NoGrad(func() {
			side := int64(d.side)
			y := d.net.forward(torch.FromFloat32s(planes, 1, 3, side, side))
			g = newGrid(y.Shape(), y.Float32s())
		})
		return nil
	})
	if err != nil {
		return grid{}, fmt.Errorf("%s: %w", d.name, err)
	}
	return g, nil
}

// Close frees the weights. Closing twice is allowed.
func (d *detector) Close() error {
	d.weights.Close()
	d.net = nil
	return nil
}
