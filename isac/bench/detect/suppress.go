package detect

import "slices"

// Suppress is greedy non-maximum suppression per class: by falling score, a detection stays unless one of its class that stays
// covers it at IoU > maxIoU. The most certain comes first in the result; found is left as it is.
func Suppress(found []Detection, maxIoU float64) []Detection {
	sorted := slices.SortedFunc(slices.Values(found), Detection.compare)
	var kept []Detection
	for _, d := range sorted {
		covered := slices.ContainsFunc(kept, func(k Detection) bool {
			return k.Class == d.Class && k.Box.IoU(d.Box) > maxIoU
		})
		if !covered {
			kept = append(kept, d)
		}
	}
	return kept
}
