package server

import (
	"os"
	"os/signal"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/windows"
)

// watchHost ends the process when its host is gone, by either of two signs: the lifeline, and the end of the process that started this
// one. A handle that is opened early stays that process's, also when its number is given to another.
func watchHost(h *home, log hclog.Logger) {
	gone := make(chan string, 2)
	watchLifeline(gone)
	if parent, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(os.Getppid())); err == nil {
		go func() {
			if _, err := windows.WaitForSingleObject(parent, windows.INFINITE); err == nil {
				gone <- "the process that started this one has ended"
			}
		}()
	} else {
		log.Warn("the process that started this one cannot be watched", "error", err)
	}
	go func() {
		end(h, log, "the host is gone", <-gone)
	}()
}

// watchSignals ignores Ctrl-C, which reaches host and plugin alike: the host decides.
func watchSignals(*home, hclog.Logger) { signal.Ignore(os.Interrupt) }
