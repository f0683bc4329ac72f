package comfyapi

import (
	"encoding/json"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// logged are lines of the log, and when they were written: who asks later does not want them.
type logged struct {
	at   time.Time
	data json.RawMessage
}

// logs takes lines of the log. It neither waits nor logs: where too many come, some are left out.
func (h *hub) logs(lines json.RawMessage) {
	select {
	case h.lines <- logged{time.Now(), lines}:
	default:
	}
}

func (h *hub) showLogs(lines logged) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var f *frame
	for c := range h.all {
		if since := c.logs.Load(); since == nil || lines.at.Before(*since) {
			continue
		}
		if f == nil {
			var err error
			if f, err = textFrame(message.Message{Type: "logs", Data: lines.data}); err != nil {
				return // no word in the log of what the log says
			}
		}
		c.send(f)
	}
}

// wantLogs has a client see the log, or no longer. false: it has no socket.
func (h *hub) wantLogs(id string, yes bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.current[id]
	if c != nil {
		var since *time.Time
		if yes {
			now := time.Now()
			since = &now
		}
		c.logs.Store(since)
	}
	return c != nil
}
