//go:build unix

package server

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

// parent is the process that started this one, as early as a program can know it.
var parent = os.Getppid()

// parentPeriod is how often the parent is looked at.
const parentPeriod = time.Second

// watchHost ends the process when its host is gone: go-plugin would let it live, with the device's memory.
//
// Two signs are watched, either suffices. The lifeline, a pipe that only the host holds, closes at once however the host dies,
// also if a wrapper script stands between the two; but a host that forked without exec may have left it to a child. The
// parent's number changes when the parent dies; but a wrapper may outlive the host, and hosts in other languages may not know
// of the lifeline. (Linux' PR_SET_PDEATHSIG is no third: it follows the thread that forked, not the process.)
func watchHost(h *home, log hclog.Logger) {
	gone := make(chan string, 2)
	watchLifeline(gone)
	go func() {
		for os.Getppid() == parent {
			time.Sleep(parentPeriod)
		}
		gone <- "this process has another parent now"
	}()
	go func() {
		end(h, log, "the host is gone", <-gone)
	}()
}

// watchSignals cleans up before a signal ends the process. Interrupts are ignored, as go-plugin does a little later: Ctrl-C
// reaches host and plugin alike, and the host decides.
func watchSignals(h *home, log hclog.Logger) {
	// When the host is gone its end of our standard error is gone as well: without this the first line of log would kill
	// the process before it has cleaned up.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGINT)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // nohup asks for the hangup to be ignored
			signal.Notify(signals, s)
		}
	}
	go func() {
		got := <-signals
		log.Warn("ended by a signal", "signal", got.String())
		if err := h.remove(); err != nil {
			log.Error("the socket could not be removed", "error", err)
		}
		// Dying of the signal itself tells the host the truth.
		signal.Reset(got)
		if number, ok := got.(syscall.Signal); ok {
			_ = syscall.Kill(os.Getpid(), number)
		}
		time.Sleep(time.Second)
		os.Exit(1)
	}()
}
