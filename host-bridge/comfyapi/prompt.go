package comfyapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
)

// promptRequest is the body of POST /prompt.
type promptRequest struct {
	id, client string
	workflow   json.RawMessage
	// number is nil where the server numbers the prompt; front then puts it before all others.
	number *float64
	front  bool
	extra  map[string]json.RawMessage
	// targets are the output nodes that are wanted; nil: all.
	targets  []string
	previews bool
}

// secrets are members of extra_data that must not be stored: keys of accounts that nodes of ComfyUI's own use.
var secrets = []string{"auth_token_comfy_org", "api_key_comfy_org"}

func (s *Server) getPrompt(w http.ResponseWriter, _ *http.Request) error {
	answer(w, remaining(s.queue))
	return nil
}

func remaining(q Queue) message.StatusOf {
	running, pending := q.Snapshot()
	return message.StatusOf{ExecInfo: message.ExecInfo{QueueRemaining: len(running) + len(pending)}}
}

func (s *Server) postPrompt(w http.ResponseWriter, r *http.Request) error {
	members, err := object(w, r, s.config.Limits.PromptBytes, false)
	if err != nil {
		return err
	}
	req, mistake, err := readPrompt(members, s.config.Previews)
	if err != nil {
		return err
	}
	if mistake != nil {
		refuse(w, http.StatusBadRequest, *mistake, nil)
		return nil
	}
	workflow, err := graph.Parse(req.workflow)
	var parse *graph.ParseError
	if errors.As(err, &parse) {
		refuse(w, http.StatusBadRequest, graph.Mistake{Type: parse.Type, Message: parse.Message, Details: parse.Error(), ExtraInfo: map[string]any{}}, nil)
		return nil
	}
	if err != nil {
		return wrong("%v", err)
	}
	schemas, err := s.schemasOf(r.Context())
	if err != nil {
		return err
	}
	report := graph.Validate(workflow, schemas, req.targets...)
	if report.Error != nil {
		m, nodes := refused(report)
		refuse(w, http.StatusBadRequest, m, nodes)
		return nil
	}
	p := s.numbered(req, report.Outputs)
	if err := s.queue.Put(r.Context(), p); err != nil {
		return putError(err, p.ID)
	}
	answer(w, struct {
		ID         string          `json:"prompt_id"`
		Number     float64         `json:"number"`
		NodeErrors json.RawMessage `json:"node_errors"`
	}{p.ID, p.Number, report.NodeErrors()})
	return nil
}

// refused is the answer to a workflow of which nothing can run. ComfyUI names one missing class and no other mistake then; the
// others are added where clients that know them look.
func refused(report *graph.Report) (graph.Mistake, json.RawMessage) {
	m := *report.Error
	if m.Type == graph.TypeOutputsFailed {
		return m, report.NodeErrors()
	}
	if len(report.Missing) > 1 {
		info := map[string]any{}
		for k, v := range m.ExtraInfo {
			info[k] = v
		}
		all := make([]any, len(report.Missing))
		for i, missing := range report.Missing {
			all[i] = missing.ExtraInfo
		}
		info["missing_nodes"] = all
		m.ExtraInfo = info
	}
	return m, nil
}

// readPrompt reads the members of the body. What ComfyUI has an error of its own for is given as a mistake.
func readPrompt(members map[string]json.RawMessage, previews bool) (*promptRequest, *graph.Mistake, error) {
	req := &promptRequest{extra: map[string]json.RawMessage{}}
	var ok bool
	if req.workflow, ok = members["prompt"]; !ok {
		details := "No prompt provided"
		switch {
		case members["nodes"] != nil && members["links"] != nil:
			details = "the body is a workflow of ComfyUI's editor; open it in ComfyUI, choose Workflow > Export (API), and send {\"prompt\": what it wrote}"
		case looksLikeWorkflow(members):
			details = "the body is the workflow itself; send {\"prompt\": the workflow}"
		}
		return nil, &graph.Mistake{Type: graph.TypeNoPrompt, Message: "No prompt provided", Details: details, ExtraInfo: map[string]any{}}, nil
	}
	if raw, ok := members["prompt_id"]; ok && string(raw) != "null" {
		if json.Unmarshal(raw, &req.id) != nil || !isUUID(req.id) {
			return nil, &graph.Mistake{
				Type: "invalid_prompt_id", Message: "prompt_id must be a valid UUID",
				Details:   "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one",
				ExtraInfo: map[string]any{},
			}, nil
		}
	}
	if req.id == "" {
		req.id = newUUID()
	}
	return req, nil, req.read(members, previews)
}

func (req *promptRequest) read(members map[string]json.RawMessage, previews bool) error {
	if _, err := field(members, "extra_data", &req.extra, "an object"); err != nil {
		return err
	}
	if given, err := field(members, "client_id", &req.client, "a string"); err != nil {
		return err
	} else if !given {
		// Clients that fill extra_data themselves are heard too.
		if _, err := field(req.extra, "client_id", &req.client, "a string"); err != nil {
			return err
		}
	}
	if len(req.client) > maxClientID {
		return wrong("client_id has %d bytes; at most %d are taken", len(req.client), maxClientID)
	}
	if raw, ok := members["number"]; ok {
		n, err := number(raw)
		if err != nil {
			return err
		}
		req.number = &n
	}
	req.front = truth(members["front"])
	if given, err := field(members, "partial_execution_targets", &req.targets, "a list of ids of output nodes"); err != nil {
		return err
	} else if given && req.targets == nil {
		req.targets = []string{}
	}
	method := ""
	if _, err := field(req.extra, "preview_method", &method, "a string"); err != nil {
		return err
	}
	switch method {
	case "none":
	case "", "default":
		req.previews = previews
	default:
		req.previews = true
	}
	return nil
}

// number reads a priority as Python's float does: 1, 1.5, "1".
func number(raw json.RawMessage) (float64, error) {
	text := string(raw)
	var quotedText string
	if json.Unmarshal(raw, &quotedText) == nil && quotedText != "" {
		text = quotedText
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, wrong("\"number\" is %.60s; expected a finite number: prompts of lower number run first", raw)
	}
	return n, nil
}

func looksLikeWorkflow(members map[string]json.RawMessage) bool {
	for _, raw := range members {
		if bytes.Contains(raw, []byte(`"class_type"`)) {
			return true
		}
	}
	return false
}

// numbered makes the queue's prompt of a request.
func (s *Server) numbered(req *promptRequest, outputs []string) queue.Prompt {
	now := time.Now()
	p := queue.Prompt{ID: req.id, ClientID: req.client, Workflow: req.workflow, Outputs: outputs, Created: now, Previews: req.previews}
	if req.number != nil {
		p.Number = *req.number
	} else {
		s.mu.Lock()
		p.Number = s.number
		s.number++
		s.mu.Unlock()
		if req.front && p.Number != 0 { // there is no -0 in JSON as clients read it
			p.Number = -p.Number
		}
	}
	for _, name := range secrets {
		delete(req.extra, name)
	}
	if req.client != "" {
		req.extra["client_id"] = jsonOf(req.client)
	}
	req.extra["create_time"] = jsonOf(message.At(now))
	p.Extra = jsonOf(req.extra)
	return p
}

// jsonOf writes what is known to be writable.
func jsonOf(v any) json.RawMessage {
	text, err := plainJSON(v)
	if err != nil {
		panic(err)
	}
	return text
}

func putError(err error, id string) error {
	var full *queue.FullError
	var size *queue.SizeError
	switch {
	case errors.As(err, &full):
		return wrongStatus(http.StatusTooManyRequests, "%v", full)
	case errors.As(err, &size):
		return wrongStatus(http.StatusRequestEntityTooLarge, "%v", size)
	case errors.Is(err, queue.ErrExists):
		return wrongStatus(http.StatusConflict, "there is a prompt of id %s already; give every prompt an id of its own, or none", id)
	}
	return err
}
