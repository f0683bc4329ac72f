package comfyapi

import (
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// keepAlive has every socket hear something now and then while prompts run or wait: there is a client that takes ten seconds of
// silence for the end of the line. It hears how far its prompt is, or how long the queue is.
func (h *hub) keepAlive() {
	// Two looks in the time between what is too long and what is long enough.
	tick := time.NewTicker(h.limits.SocketSilence / 4)
	defer tick.Stop()
	for {
		select {
		case <-h.stop:
			return
		case lines := <-h.lines:
			h.showLogs(lines)
		case now := <-tick.C:
			h.breakSilence(now.Add(-h.limits.SocketSilence * 3 / 4).UnixNano())
		}
	}
}

func (h *hub) breakSilence(since int64) {
	left := remaining(h.queue)
	if left.ExecInfo.QueueRemaining == 0 {
		return
	}
	status := h.frame(message.Of(message.Status{Status: left}))
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.all {
		if c.spoken.Load() > since {
			continue
		}
		f := status
		if h.current[c.sid] == c {
			for _, run := range h.runs {
				if run.client == c.sid && run.state != nil {
					f = run.state
				}
			}
		}
		c.send(f)
	}
}
