package detect

import (
	"cmp"
	"maps"
	"slices"
)

// sighting is a detection and who made it.
type sighting struct {
	Detection
	by    string
	taken bool
}

// Agree gives the objects that at least two detectors see, the most certain first (paper, B.3). found has one entry per detector that
// looked, also where it saw nothing.
//
// Sightings are gone through by falling score. One that is not yet part of an object is the seed of a new object, and of every other
// detector the free sighting of the same class that covers the seed best, at IoU ≥ minIoU (0 < minIoU ≤ 1), joins it. So a sighting
// is part of one object, an object has at most one sighting of each detector, and one detector's duplicates count once. A seed that
// nobody joins is no object. Box and score of an object are the means over its sightings.
//
// The result does not depend on the order in which a detector lists what it sees. With one detector alone there is nobody to agree
// with: what it found comes back as it is.
func Agree(found map[string][]Detection, minIoU float64) []Detection {
	if len(found) == 1 {
		for _, only := range found {
			return slices.Clone(only)
		}
	}
	names := slices.Sorted(maps.Keys(found))
	sightings := gather(found, names)
	var objects []Detection
	for i := range sightings {
		seed := &sightings[i]
		if seed.taken {
			continue
		}
		seed.taken = true
		members := []Detection{seed.Detection}
		for _, name := range names {
			if name == seed.by {
				continue
			}
			if m := partner(sightings[i+1:], *seed, name, minIoU); m != nil {
				m.taken = true
				members = append(members, m.Detection)
			}
		}
		if len(members) > 1 {
			objects = append(objects, mean(members))
		}
	}
	slices.SortFunc(objects, Detection.compare)
	return objects
}

// gather lists all sightings by falling score.
func gather(found map[string][]Detection, names []string) []sighting {
	var all []sighting
	for _, name := range names {
		for _, d := range found[name] {
			all = append(all, sighting{Detection: d, by: name})
		}
	}
	slices.SortFunc(all, func(a, b sighting) int {
		return cmp.Or(a.compare(b.Detection), cmp.Compare(a.by, b.by))
	})
	return all
}

// partner finds the named detector's sighting that covers the seed best. All that come before the seed are taken, so only what
// comes after it is handed in; of equally good ones the more certain wins.
func partner(after []sighting, seed sighting, name string, minIoU float64) *sighting {
	var best *sighting
	var most float64
	for i := range after {
		s := &after[i]
		if s.taken || s.by != name || s.Class != seed.Class {
			continue
		}
		if iou := s.Box.IoU(seed.Box); iou >= minIoU && (best == nil || iou > most) {
			best, most = s, iou
		}
	}
	return best
}

func mean(members []Detection) Detection {
	object := Detection{Class: members[0].Class}
	for _, m := range members {
		object.Score += m.Score
		object.Box.X0 += m.Box.X0
		object.Box.Y0 += m.Box.Y0
		object.Box.X1 += m.Box.X1
		object.Box.Y1 += m.Box.Y1
	}
	n := float64(len(members))
	object.Score /= n
	object.Box = Box{X0: object.Box.X0 / n, Y0: object.Box.Y0 / n, X1: object.Box.X1 / n, Y1: object.Box.Y1 / n}
	return object
}
