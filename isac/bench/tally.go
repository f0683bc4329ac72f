package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Tally counts the pictures of a bench while it runs.
type Tally struct {
	methods []string
	total   int
	done    int
	fresh   int // made since the start
	count   map[string]int
	ratio   map[string]float64
	start   time.Time
	now     func() time.Time
}

// NewTally begins to count, with the records of a plan that are there already.
func NewTally(p *Plan, records []score.Record) *Tally {
	t := &Tally{total: p.Pictures(), count: map[string]int{}, ratio: map[string]float64{}, now: time.Now}
	for _, m := range p.Methods {
		t.methods = append(t.methods, m.String())
	}
	planned := map[string]bool{}
	for _, u := range p.Units(0, 1, func(string) bool { return false }) {
		planned[u.Record(p.Split).Key()] = true
	}
	for _, r := range records {
		if planned[r.Key()] {
			t.count[r.Method]++
			t.ratio[r.Method] += score.Judge(r).Ratio
			t.done++
		}
	}
	t.start = t.now()
	return t
}

// Add counts a picture.
func (t *Tally) Add(p Picture) {
	t.count[p.Method]++
	t.ratio[p.Method] += p.Ratio
	t.done++
	t.fresh++
}

// Done and Total are numbers of pictures.
func (t *Tally) Done() int  { return t.done }
func (t *Tally) Total() int { return t.total }

// Left is how long the rest takes at the present speed, below 0 before the first picture.
func (t *Tally) Left() time.Duration {
	if t.fresh == 0 {
		return -1
	}
	return time.Duration(float64(t.now().Sub(t.start)) / float64(t.fresh) * float64(t.total-t.done))
}

// String is the state in a line: how many pictures, how fast, how long still, and how good each method is so far.
func (t *Tally) String() string { return fmt.Sprintf("%d/%d %s", t.done, t.total, t.State()) }

// State is String without the numbers of pictures.
func (t *Tally) State() string {
	var b strings.Builder
	if t.fresh > 0 {
		perMinute := float64(t.fresh) / t.now().Sub(t.start).Minutes()
		fmt.Fprintf(&b, "%.1f/min, %s left;", perMinute, Rough(t.Left()))
	}
	b.WriteString(" ratio")
	for _, m := range t.methods {
		if n := t.count[m]; n > 0 {
			fmt.Fprintf(&b, " %s %.3f", m, t.ratio[m]/float64(n))
		} else {
			fmt.Fprintf(&b, " %s -", m)
		}
	}
	return strings.TrimSpace(b.String())
}

// Rough writes a duration as one plans with it: "40 s", "12 min", "3 h 20 min".
func Rough(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	d = d.Round(10 * time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
