package comfyapi

import (
	"encoding/json"

	"github.com/isac-guidance/isac/host-bridge/message"
)

// logs takes lines of the log. It neither waits nor logs: where too many come, some are left out.
func (h *hub) logs(lines json.RawMessage) {
	select {
	case h.lines <- lines:
	default:
	}
}

func (h *hub) showLogs(lines json.RawMessage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var f *frame
	for c := range h.all {
		if !c.logs.Load() {
			continue
		}
		if f == nil {
			var err error
			if f, err = textFrame(message.Message{Type: "logs", Data: lines}); err != nil {
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
		c.logs.Store(yes)
	}
	return c != nil
}
