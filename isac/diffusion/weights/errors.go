package weights

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrFormat says that a file holds no sound weights: truncated, of another kind, or with a header that contradicts itself.
	// Get the file anew.
	ErrFormat = errors.New("not a sound file of weights")
	// ErrMissing says that a tensor or file that the model needs is not there.
	ErrMissing = errors.New("missing")
	// ErrShape says that a tensor has another shape than the rest of the model asks for.
	ErrShape = errors.New("wrong shape")
	// ErrNotFinite says that a weight is NaN or infinite.
	ErrNotFinite = errors.New("not finite")
	// ErrUnsupported says that the file is sound and of a kind that this program does not run. The message names the kind.
	ErrUnsupported = errors.New("unsupported")
	// ErrConfig says that a model's config or index file is not what it has to be.
	ErrConfig = errors.New("wrong config")
	// ErrClosed says that the file was closed before.
	ErrClosed = errors.New("file is closed")
)

// maxPrinted bounds a message: a model of the wrong kind makes a thousand mistakes, and twenty of them tell the story.
const maxPrinted = 20

// Mistakes is every mistake of one file or model, in the order found. errors.Is and errors.As look into all of them.
type Mistakes []error

// Error prints one mistake a line, the first 20.
func (m Mistakes) Error() string {
	var lines []string
	for i, err := range m {
		if i == maxPrinted {
			lines = append(lines, fmt.Sprintf("and %d more", len(m)-i))
			break
		}
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives every mistake.
func (m Mistakes) Unwrap() []error { return m }

func (m Mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	return m
}
