package score

import "github.com/isac-guidance/isac/isac/bench/detect"

const (
	// hybridIoU: two classes in one place are one object that is both.
	hybridIoU = 0.5
	// coverShare of a detection must lie within another for that other one to hold it.
	coverShare = 0.6
	// sameIoU: two detectors see one and the same extent.
	sameIoU = 0.75
)

// fused tells whether a picture has an object that should be two. It looks at all that any detector saw, not only at what
// detectors agree on, for a fused object is one that they disagree about. There are two signs:
//
//   - A hybrid: two detections of different classes, of any detectors, with IoU ≥ 0.5.
//   - A merged object: what one detector sees as one, another sees as two or more. A detection of A covers at least 60 % of each
//     of two or more detections of B, of any classes.
//
// Two things look like a merged object and are none. Of a dog before an elephant both detectors see both; the elephant's box
// covers the dog's. So a detection of B does not count that A sees too, as another object of its own (same class, IoU ≥ 0.5).
// And A may have missed the dog: so nothing is merged where B sees an object of the same extent as A's (IoU ≥ 0.75).
// With one detector alone only hybrids can be told.
func fused(found map[string][]detect.Detection) bool {
	return hybrid(found) || merged(found)
}

func hybrid(found map[string][]detect.Detection) bool {
	var all []detect.Detection
	for _, list := range found {
		all = append(all, list...)
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Class != b.Class && a.Box.IoU(b.Box) >= hybridIoU {
				return true
			}
		}
	}
	return false
}

func merged(found map[string][]detect.Detection) bool {
	for a, ones := range found {
		for b, others := range found {
			if a == b {
				continue
			}
			for i := range ones {
				if holdsTwo(i, ones, others) {
					return true
				}
			}
		}
	}
	return false
}

// holdsTwo tells whether detection i of one detector is two or more objects to another.
func holdsTwo(i int, ones, others []detect.Detection) bool {
	held := 0
	for _, o := range others {
		if o.Box.IoU(ones[i].Box) >= sameIoU {
			return false
		}
		if covered(ones[i].Box, o.Box) >= coverShare && !seenToo(o, i, ones) {
			held++
		}
	}
	return held >= 2
}

// seenToo tells whether a detector sees another's object as one of its own other than number i.
func seenToo(o detect.Detection, i int, ones []detect.Detection) bool {
	for k, d := range ones {
		if k != i && d.Class == o.Class && d.Box.IoU(o.Box) >= AgreeIoU {
			return true
		}
	}
	return false
}

// covered is the part of inner that lies within outer, 0..1; 0 where inner is empty.
func covered(outer, inner detect.Box) float64 {
	area := inner.Area()
	if area <= 0 {
		return 0
	}
	return outer.Intersect(inner).Area() / area
}
