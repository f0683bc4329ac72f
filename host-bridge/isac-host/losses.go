package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// losses follows the guided steps of one node. Images of a batch are guided each on its own; what is shown is their mean.
type losses struct {
	// steps by their index; images of one step come one after another.
	steps []stepLoss
}

type stepLoss struct {
	index           int
	images, skipped int
	missed          int  // images that were to be guided and were not
	moved           bool // some image was, or it is not known
	total           float64
	terms           []term // summed over images, in the method's order
	reason          string
}

// term is one of the losses that a method lowers.
type term struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// add notes a report. What is no report of a guided step is not shown.
func (l *losses) add(text json.RawMessage) {
	var r struct {
		Index   *int    `json:"index"`
		Skipped string  `json:"skipped"`
		Wanted  bool    `json:"wanted"`
		Moves   *int    `json:"moves"`
		Loss    float64 `json:"loss"`
		Losses  []term  `json:"losses"`
	}
	if json.Unmarshal(text, &r) != nil || r.Index == nil {
		return
	}
	if n := len(l.steps); n == 0 || l.steps[n-1].index != *r.Index {
		l.steps = append(l.steps, stepLoss{index: *r.Index})
	}
	s := &l.steps[len(l.steps)-1]
	s.images++
	if r.Skipped != "" {
		if s.skipped++; r.Wanted {
			s.missed++
		}
		s.reason = r.Skipped
		return
	}
	s.moved = s.moved || r.Moves == nil || *r.Moves > 0
	s.total += r.Loss
	for _, t := range r.Losses {
		i := slices.IndexFunc(s.terms, func(known term) bool { return known.Name == t.Name })
		if i < 0 {
			s.terms = append(s.terms, t)
		} else {
			s.terms[i].Value += t.Value
		}
	}
}

func (s stepLoss) guided() bool { return s.images > s.skipped }

// mean is the loss of the images that were guided.
func (s stepLoss) mean() float64 { return s.total / float64(s.images-s.skipped) }

// now is the latest step in a few words; empty before the first.
func (l *losses) now() string {
	if len(l.steps) == 0 {
		return ""
	}
	s := l.steps[len(l.steps)-1]
	if !s.guided() {
		return "not guided: " + s.reason
	}
	var parts []string
	for _, t := range s.terms {
		parts = append(parts, fmt.Sprintf("%s %.3f", t.Name, t.Value/float64(s.images-s.skipped)))
	}
	text := fmt.Sprintf("loss %.3f", s.mean())
	if len(parts) < 2 { // a single loss is the whole
		return text
	}
	return text + " (" + strings.Join(parts, ", ") + ")"
}

// summary is all steps in a few words; empty where there was none.
func (l *losses) summary() string {
	var first, last *stepLoss
	guided, reason, missed, cause, did := 0, "", 0, "", "measured"
	for i := range l.steps {
		s := &l.steps[i]
		if s.missed > 0 {
			if missed++; cause == "" {
				cause = s.reason
			}
		}
		if !s.guided() {
			if reason == "" {
				reason = s.reason
			}
			continue
		}
		if guided++; s.moved {
			did = "guided"
		}
		if first == nil {
			first = s
		}
		last = s
	}
	switch {
	case len(l.steps) == 0:
		return ""
	case guided == 0:
		return "not guided: " + reason
	case missed > 0:
		return fmt.Sprintf("guided in %d of %d steps, loss %.3f to %.3f; left out at %d that it was asked for: %s",
			guided, len(l.steps), first.mean(), last.mean(), missed, cause)
	case guided < len(l.steps):
		return fmt.Sprintf("%s in %d of %d steps, loss %.3f to %.3f", did, guided, len(l.steps), first.mean(), last.mean())
	}
	return fmt.Sprintf("%s in %d steps, loss %.3f to %.3f", did, guided, first.mean(), last.mean())
}
