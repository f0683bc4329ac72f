package comfyapi

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
)

// item is a prompt as /queue and the history show it: [number, id, prompt, extra_data, outputs].
func item(r *queue.Record) json.RawMessage {
	outputs := r.Outputs
	if outputs == nil {
		outputs = []string{}
	}
	return jsonOf([]any{r.Number, r.ID, orObject(r.Workflow), orObject(r.Extra), outputs})
}

func orObject(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

// history is one entry of the history.
type history struct {
	Prompt  json.RawMessage            `json:"prompt"`
	Outputs map[string]json.RawMessage `json:"outputs"`
	Status  historyStatus              `json:"status"`
	Meta    map[string]nodeMeta        `json:"meta"`
}

type historyStatus struct {
	// Text is "success" or "error"; an interrupted prompt has "error" too, and only the messages tell.
	Text      string `json:"status_str"`
	Completed bool   `json:"completed"`
	// Messages are pairs of type and data.
	Messages [][2]any `json:"messages"`
}

type nodeMeta struct {
	NodeID      string  `json:"node_id"`
	DisplayNode string  `json:"display_node"`
	ParentNode  *string `json:"parent_node"`
	RealNode    string  `json:"real_node_id"`
}

func historyOf(r *queue.Record) history {
	h := history{Prompt: item(r), Outputs: map[string]json.RawMessage{}, Meta: map[string]nodeMeta{}, Status: statusOf(r)}
	if r.Result != nil {
		for _, id := range slices.Sorted(maps.Keys(r.Result.Outputs)) {
			h.Outputs[id] = r.Result.Outputs[id]
			h.Meta[id] = nodeMeta{NodeID: id, DisplayNode: id, RealNode: id}
		}
	}
	return h
}

func statusOf(r *queue.Record) historyStatus {
	s := historyStatus{Text: "error", Completed: r.State == queue.Success, Messages: [][2]any{}}
	if s.Completed {
		s.Text = "success"
	}
	for _, m := range messagesOf(r) {
		s.Messages = append(s.Messages, [2]any{m.Type, m.Data})
	}
	return s
}

func messagesOf(r *queue.Record) []message.Message {
	if r.Result == nil {
		return nil
	}
	return r.Result.Messages
}
