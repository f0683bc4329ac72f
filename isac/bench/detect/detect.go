// Package detect finds objects in pictures, so that it can be counted whether a picture shows what was asked for.
//
// No detector is right always. What counts, as in the paper (B.3), is an object that any two detectors see: Agree.
package detect

import "image"

// Box is a rectangle in pixels of the picture: (X0,Y0) is its upper left corner, (X1,Y1) its lower right one, exclusive.
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// Detection is one object that a detector sees.
type Detection struct {
	// Class is the class word as prompts write it in the singular: "cat", "hot dog".
	Class string `json:"class"`
	// Score is the detector's confidence, 0..1.
	Score float64 `json:"score"`
	Box   Box     `json:"box"`
}

// Detector looks for objects. A detector is for one goroutine at a time.
type Detector interface {
	// Name tells detectors apart in results: "heatmap", "yolo".
	Name() string
	// Classes are the class words that the detector knows; nil means that it takes any word.
	Classes() []string
	// Detect gives the objects of the given classes in a picture of any size, the most certain first. Classes that it does not
	// know are not looked for. A detector that takes any word looks for each class on its own.
	Detect(picture image.Image, classes []string) ([]Detection, error)
	// Close frees the weights. Closing twice is allowed.
	Close() error
}
