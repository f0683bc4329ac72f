package task

import "fmt"

// Reader tells how well package prompt read the prompts of a file. A prompt that it cannot read gets no picture, since guidance
// would not know what to aim at; it is a failure all the same, and is listed.
type Reader struct {
	// Prompts is how many were to be read, those of Unread included.
	Prompts int `json:"prompts"`
	// Unread are those that were not, in the order of the file.
	Unread []Unread `json:"unread,omitempty"`
}

// Unread is a prompt that was not read.
type Unread struct {
	// Line is its line in the file, from 1; 0 where it is not known.
	Line   int    `json:"line,omitempty"`
	Prompt string `json:"prompt"`
	// Why goes on from the prompt: "names no object to count".
	Why string `json:"why"`
}

// fail records a prompt that was not read.
func (r *Reader) fail(u Unread) { r.Unread = append(r.Unread, u) }

// Misread records a prompt that was read as something else than it wants.
func (r *Reader) Misread(prompt, why string) { r.fail(Unread{Prompt: prompt, Why: why}) }

// String says how many prompts were not read.
func (r Reader) String() string {
	share := 0.0
	if r.Prompts > 0 {
		share = 100 * float64(len(r.Unread)) / float64(r.Prompts)
	}
	return fmt.Sprintf("the reader of prompts failed on %d of %d (%.1f %%)", len(r.Unread), r.Prompts, share)
}
