package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// relations writes whether overlap has to do with what is missing; nothing where no run without guidance was measured.
func relations(b *bytes.Buffer, s score.Summary) {
	var runs, methods []string
	for _, task := range s.Tasks {
		for _, r := range task.Relations {
			if !slices.Contains(runs, r.Run) {
				runs = append(runs, r.Run)
			}
			for _, m := range s.Methods {
				if _, ok := r.Removed[m]; ok && !slices.Contains(methods, m) {
					methods = append(methods, m)
				}
			}
		}
	}
	if len(runs) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Overlap and outcome\n\nCorrelations, −1 to 1, over the pairs of each level. *Overlap ↔ missed*: the loss of a run without guidance (%s) at a step, and the part of "+
		"the objects that %s lacks; clearly above 0 where overlap makes objects vanish. *Removed ↔ gained*: how much smaller a method's loss is at the last of these steps, and how "+
		"much more of the objects it has; clearly above 0 where taking overlap away brings objects back. Bold: the interval excludes 0.\n\n", plain(strings.Join(runs, ", ")), plain(s.Base))
	t := table{head: []string{"", "overlap ↔ missed"}}
	for _, m := range methods {
		t.head = append(t.head, plain(m)+": removed ↔ gained")
	}
	for _, task := range s.Tasks {
		for _, r := range task.Relations {
			for i, missed := range r.Missed {
				cells := []string{fmt.Sprintf("%s, %s, step %d", plain(task.Task), plain("L_"+r.Loss), missed.Step), signedCell(missed.Cell, 1, 2)}
				for _, m := range methods {
					cell := "" // said once, at the last step
					if c, ok := r.Removed[m]; ok && i == len(r.Missed)-1 {
						cell = signedCell(c, 1, 2)
					}
					cells = append(cells, cell)
				}
				t.rows = append(t.rows, cells)
			}
		}
	}
	t.write(b)
}
