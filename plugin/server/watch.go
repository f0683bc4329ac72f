package server

import (
	"io"
	"os"

	"github.com/isac-guidance/isac/plugin"
)

// watchLifeline tells gone once the host's end of the lifeline is closed, where the host has given one.
func watchLifeline(gone chan<- string) {
	if os.Getenv(plugin.EnvLifeline) != "stdin" {
		return
	}
	go func() {
		// The end and an error say the same: nobody is there.
		_, _ = io.Copy(io.Discard, os.Stdin)
		gone <- "its end of the lifeline is closed"
	}()
}
