package main

import (
	"encoding/json"
	"fmt"
)

// losses follows the guided steps of one node. Images of a batch are guided each on its own; what is shown is their mean.
type losses struct {
	// steps by their index; images of one step come one after another.
	steps []stepLoss
}

type stepLoss struct {
	index                 int
	images, skipped       int
	total, instances, own float64
	reason                string
}

// add notes a report. What is no report of a guided step is not shown.
func (l *losses) add(text json.RawMessage) {
	var r struct {
		Index        *int    `json:"index"`
		Skipped      string  `json:"skipped"`
		Loss         float64 `json:"loss"`
		LossInstance float64 `json:"loss_instance"`
		LossClass    float64 `json:"loss_class"`
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
		s.skipped++
		s.reason = r.Skipped
		return
	}
	s.total += r.Loss
	s.instances += r.LossInstance
	s.own += r.LossClass
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
	n := float64(s.images - s.skipped)
	return fmt.Sprintf("loss %.3f (instances %.3f, classes %.3f)", s.mean(), s.instances/n, s.own/n)
}

// summary is all steps in a few words; empty where there was none.
func (l *losses) summary() string {
	var first, last *stepLoss
	guided, reason := 0, ""
	for i := range l.steps {
		s := &l.steps[i]
		if !s.guided() {
			if reason == "" {
				reason = s.reason
			}
			continue
		}
		guided++
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
	case guided < len(l.steps):
		return fmt.Sprintf("guided in %d of %d steps, loss %.3f to %.3f", guided, len(l.steps), first.mean(), last.mean())
	}
	return fmt.Sprintf("guided in %d steps, loss %.3f to %.3f", guided, first.mean(), last.mean())
}
