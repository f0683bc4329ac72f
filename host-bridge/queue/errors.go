package queue

import (
	"errors"
	"fmt"
)

// ErrExists: a prompt of this id has been put before.
var ErrExists = errors.New("a prompt of this id exists")

// FullError: the queue holds as many pending prompts as it may.
type FullError struct {
	// Pending prompts and their Limit.
	Pending, Limit int
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the queue is full: %d prompts are pending, and %d may be; wait for some to end, or delete some", e.Pending, e.Limit)
}

// SizeError: a prompt is larger than a message may be.
type SizeError struct {
	// Bytes of the prompt as it would be stored, and the Limit of it.
	Bytes, Limit int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("the prompt has %d bytes, and %d may be stored; put large data into files and name those", e.Bytes, e.Limit)
}
