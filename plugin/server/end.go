package server

import (
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
)

// end ends the process, whatever its other threads do, and leaves nothing behind.
func end(h *home, log hclog.Logger, why, detail string) {
	err := h.remove()
	// Whether or not anybody reads our last words.
	time.AfterFunc(time.Second, func() { os.Exit(1) })
	log.Warn("this process ends: "+why, "because", detail)
	if err != nil {
		log.Error("not everything could be removed", "error", err)
	}
	os.Exit(1)
}
