package task

import (
	"fmt"
	"slices"
	"strings"
)

// Group is a kind of things. Things of one kind are the hard case (paper, figure 11): a cat and a dog become one animal where a cat
// and a car do not.
type Group struct {
	Name    string
	Classes []string
}

// PaperGroups gives the 37 COCO classes of the paper's benchmark in its four groups (table 5).
func PaperGroups() []Group {
	return []Group{
		{"animal", []string{"cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}},
		{"vehicle", []string{"bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"}},
		{"sports", []string{"skateboard", "snowboard", "skis", "sports ball", "baseball bat", "baseball glove", "tennis racket", "surfboard", "kite", "frisbee"}},
		{"food", []string{"banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake"}},
	}
}

// Restrict leaves in the groups what detectors know; nil means that they know any word. A group that loses all its classes goes;
// one that keeps a single class stays, for tasks of one class.
func Restrict(groups []Group, known []string) []Group {
	var out []Group
	for _, g := range groups {
		var classes []string
		for _, c := range g.Classes {
			if known == nil || slices.Contains(known, c) {
				classes = append(classes, c)
			}
		}
		if len(classes) > 0 {
			out = append(out, Group{g.Name, classes})
		}
	}
	return out
}

// RestrictItems leaves the items all of whose classes detectors know; nil means that they know any word. It is Restrict for prompts
// that come from a file.
func RestrictItems(items []Item, known []string) []Item {
	var out []Item
	for _, i := range items {
		all := true
		for _, w := range i.Wanted {
			all = all && (known == nil || slices.Contains(known, w.Class))
		}
		if all {
			out = append(out, i)
		}
	}
	return out
}

// describe lists groups for an error.
func describe(groups []Group) string {
	var parts []string
	for _, g := range (Options{Groups: groups}).filled().Groups {
		parts = append(parts, fmt.Sprintf("%s (%s)", g.Name, strings.Join(g.Classes, ", ")))
	}
	if len(parts) == 0 {
		return "(none)"
	}
	return strings.Join(parts, ", ")
}
