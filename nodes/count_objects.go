package nodes

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
)

// objectCounts are numbers of objects by class.
type objectCounts map[string]int

// askedOf are the counts that were read from a prompt. A class that is mentioned twice is meant twice.
func askedOf(p prompt.Parsed) objectCounts {
	asked := objectCounts{}
	for _, phrase := range p.Phrases {
		asked[phrase.Class] += phrase.Count
	}
	return asked
}

// classes are those of the counts, sorted.
func (c objectCounts) classes() []string {
	var names []string
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String writes them as prompts' overrides are written: "cat=2, dog=1".
func (c objectCounts) String() string {
	var all []string
	for _, name := range c.classes() {
		all = append(all, fmt.Sprintf("%s=%d", name, c[name]))
	}
	return strings.Join(all, ", ")
}

// away is by how many objects the counts are off what was asked for: Σ|seen − asked| over the classes that were asked for.
func (c objectCounts) away(asked objectCounts) int {
	sum := 0
	for class, want := range asked {
		d := c[class] - want
		sum += max(d, -d)
	}
	return sum
}

// agreement is the overlap (IoU) at which two detectors see the same object, as benches have it.
const agreement = 0.5

// counter counts objects in pictures with detectors.
type counter struct {
	detectors []detect.Detector
	asked     objectCounts
}

// check says which of the classes a detector does not know.
func (c counter) check() error {
	var errs []error
	for _, d := range c.detectors {
		known := d.Classes()
		for _, class := range c.asked.classes() {
			if known != nil && !slices.Contains(known, class) {
				errs = append(errs, fmt.Errorf("the detector %s does not know %q: it knows %s: choose another detector", d.Name(), class, strings.Join(known, ", ")))
			}
		}
	}
	return errors.Join(errs...)
}

// count gives what is in a picture. Of several detectors at least two have to see an object.
func (c counter) count(picture image.Image) (objectCounts, error) {
	found := map[string][]detect.Detection{}
	for _, d := range c.detectors {
		seen, err := d.Detect(picture, c.asked.classes())
		if err != nil {
			return nil, fmt.Errorf("detector %s: %w", d.Name(), err)
		}
		found[d.Name()] = append([]detect.Detection{}, seen...)
	}
	counts := c.none()
	for _, object := range detect.Agree(found, agreement) {
		counts[object.Class]++
	}
	return counts, nil
}

// none are counts of 0 of each class.
func (c counter) none() objectCounts {
	counts := objectCounts{}
	for class := range c.asked {
		counts[class] = 0
	}
	return counts
}

func (c counter) close() {
	for _, d := range c.detectors {
		_ = d.Close() // what it counted stands
	}
}

const (
	// oneObject is the overlap (Σ min / Σ max) of two soft masks from which on they are of one object that was cut in two.
	oneObject = 0.5
	// leastShare is which part of a mean instance's pixels a piece has to have to be an object.
	leastShare = 0.25
)

// inMasks counts what the method's own masks hold: instances are what it clustered the foreground into, of which there are always as many as
// were asked for. Those whose soft masks cover each other are one object; one that lies in several pieces is several; each is of the class
// whose attention is largest on it.
func (c counter) inMasks(m guidance.Maps, target guidance.Target) objectCounts {
	counts := c.none()
	n := len(m.Masks)
	if n == 0 || len(m.Labels) == 0 || len(m.Prop) == 0 {
		return counts
	}
	merged := mergedInstances(m.Masks)
	foreground := 0
	labels := make([]int, len(m.Labels))
	for i, label := range m.Labels {
		if labels[i] = -1; label >= 0 {
			labels[i] = merged[label]
			foreground++
		}
	}
	least := leastShare * float64(foreground) / float64(n)
	for _, piece := range pieces(labels, m.Width) {
		if float64(len(piece)) < least {
			continue
		}
		best, most := 0, float32(0)
		for class, values := range m.Prop {
			sum := float32(0)
			for _, at := range piece {
				sum += values[at]
			}
			if class == 0 || sum > most {
				best, most = class, sum
			}
		}
		counts[target.Classes[best].Name]++
	}
	return counts
}

// mergedInstances gives for each instance the first one that it is one object with.
func mergedInstances(masks [][]float32) []int {
	to := make([]int, len(masks))
	for i := range masks {
		to[i] = i
		for j := range i {
			if softIoU(masks[i], masks[j]) > oneObject {
				to[i] = to[j]
				break
			}
		}
	}
	return to
}

// softIoU is Σ min / Σ max of two masks, each by its own largest value.
func softIoU(a, b []float32) float64 {
	high, highB := slices.Max(a), slices.Max(b)
	if high <= 0 || highB <= 0 {
		return 0
	}
	var low, all float64
	for i := range a {
		x, y := float64(a[i]/high), float64(b[i]/highB)
		low, all = low+min(x, y), all+max(x, y)
	}
	return low / all
}

// pieces are the connected sets of pixels of one label, in a grid of a width; pixels of label -1 are in none.
func pieces(labels []int, width int) [][]int {
	var all [][]int
	seen := make([]bool, len(labels))
	for start, label := range labels {
		if label < 0 || seen[start] {
			continue
		}
		piece, open := []int(nil), []int{start}
		seen[start] = true
		for len(open) > 0 {
			at := open[len(open)-1]
			open, piece = open[:len(open)-1], append(piece, at)
			x, y := at%width, at/width
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					nx, ny := x+dx, y+dy
					if nx < 0 || nx >= width || ny < 0 || ny*width+nx >= len(labels) {
						continue
					}
					if next := ny*width + nx; !seen[next] && labels[next] == label {
						seen[next] = true
						open = append(open, next)
					}
				}
			}
		}
		all = append(all, piece)
	}
	return all
}
