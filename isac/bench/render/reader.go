package render

import (
	"bytes"
	"fmt"

	"github.com/isac-guidance/isac/isac/bench/task"
)

// unread lists the prompts that guidance could not read: they have no pictures, and are no failures of a method but of the reader.
func unread(b *bytes.Buffer, r *task.Reader) {
	if r == nil {
		return
	}
	fmt.Fprintf(b, "\n## Reader\n\nOf the prompts of the file, %s.\n", r)
	if len(r.Unread) == 0 {
		return
	}
	b.WriteString("These have no pictures:\n\n")
	for _, u := range r.Unread {
		where := ""
		if u.Line > 0 {
			where = fmt.Sprintf("line %d: ", u.Line)
		}
		fmt.Fprintf(b, "- %s%s\n", where, plain(fmt.Sprintf("“%s” %s", u.Prompt, u.Why)))
	}
}
