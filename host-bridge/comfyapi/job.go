package comfyapi

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
)

// job is a prompt in any state as /api/jobs shows it. What is unknown is left out.
type job struct {
	ID         string          `json:"id"`
	Status     string          `json:"status"`
	Priority   float64         `json:"priority"`
	Created    int64           `json:"create_time,omitempty"`
	Started    int64           `json:"execution_start_time,omitempty"`
	Ended      int64           `json:"execution_end_time,omitempty"`
	Error      json.RawMessage `json:"execution_error,omitempty"`
	Outputs    int             `json:"outputs_count"`
	Previews   int             `json:"previewable_outputs_count"`
	Preview    map[string]any  `json:"preview_output,omitempty"`
	WorkflowID string          `json:"workflow_id,omitempty"`
}

// jobDetail is one job with what it was and what it made.
type jobDetail struct {
	job
	AllOutputs map[string]json.RawMessage `json:"outputs,omitempty"`
	Execution  *historyStatus             `json:"execution_status,omitempty"`
	Workflow   jobWorkflow                `json:"workflow"`
}

type jobWorkflow struct {
	Prompt json.RawMessage `json:"prompt"`
	Extra  json.RawMessage `json:"extra_data"`
}

// jobStatus names the states as /api/jobs does.
var jobStatus = map[queue.State]string{
	queue.Pending: "pending", queue.Running: "in_progress", queue.Success: "completed",
	queue.Failed: "failed", queue.Interrupted: "cancelled",
}

func jobOf(r *queue.Record) job {
	j := job{ID: r.ID, Status: jobStatus[r.State], Priority: r.Number}
	var extra struct {
		Created int64 `json:"create_time"`
		Info    struct {
			Workflow struct {
				ID string `json:"id"`
			} `json:"workflow"`
		} `json:"extra_pnginfo"`
	}
	_ = json.Unmarshal(r.Extra, &extra) // whatever part of it is of the expected shape
	j.Created, j.WorkflowID = extra.Created, extra.Info.Workflow.ID
	for _, m := range messagesOf(r) {
		var of struct {
			At int64 `json:"timestamp"`
		}
		if json.Unmarshal(m.Data, &of) != nil {
			continue
		}
		switch m.Type {
		case "execution_start":
			j.Started = of.At
		case "execution_success", "execution_interrupted":
			j.Ended = of.At
		case "execution_error":
			j.Ended, j.Error = of.At, m.Data
		}
	}
	if j.Started == 0 && !r.Started.IsZero() {
		j.Started = int64(message.At(r.Started))
	}
	j.countOutputs(r)
	return j
}

func detailOf(r *queue.Record) jobDetail {
	d := jobDetail{job: jobOf(r), Workflow: jobWorkflow{Prompt: orObject(r.Workflow), Extra: orObject(r.Extra)}}
	if r.State.Ended() {
		status := statusOf(r)
		d.Execution = &status
		d.AllOutputs = map[string]json.RawMessage{}
		if r.Result != nil {
			maps.Copy(d.AllOutputs, r.Result.Outputs)
		}
	}
	return d
}

// shown are the kinds of outputs that clients can show; of these, text is shown only where there is nothing else.
var shown = []string{"images", "video", "audio", "3d", "text"}

// countOutputs counts the files that a prompt made and picks the one that stands for all: a saved picture before one that is
// temporary, and that before text.
func (j *job) countOutputs(r *queue.Record) {
	if r.Result == nil {
		return
	}
	rank := 0
	consider := func(better int, preview map[string]any) {
		if better > rank {
			rank, j.Preview = better, preview
		}
	}
	for _, node := range slices.Sorted(maps.Keys(r.Result.Outputs)) {
		var kinds map[string]json.RawMessage
		if json.Unmarshal(r.Result.Outputs[node], &kinds) != nil {
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			var list []json.RawMessage
			if kind == "animated" || json.Unmarshal(kinds[kind], &list) != nil {
				continue
			}
			for _, entry := range list {
				var text string
				if json.Unmarshal(entry, &text) == nil {
					if kind == "text" {
						consider(1, textPreview(text, node))
					}
					continue
				}
				file := map[string]any{}
				if json.Unmarshal(entry, &file) != nil || file == nil {
					continue
				}
				j.Outputs++
				name, _ := file["filename"].(string)
				format, _ := file["format"].(string)
				textual := kind == "text" || slices.Contains([]string{".txt", ".md", ".json"}, strings.ToLower(path.Ext(name)))
				if !textual && !slices.Contains(shown, kind) && !strings.HasPrefix(format, "video/") && !strings.HasPrefix(format, "audio/") {
					continue
				}
				j.Previews++
				file["nodeId"] = node
				if _, ok := file["mediaType"]; !ok {
					file["mediaType"] = kind
				}
				switch {
				case textual:
					consider(2, file)
				case file["type"] == "output":
					consider(4, file)
				default:
					consider(3, file)
				}
			}
		}
	}
}

// maxTextPreview is how many characters of a text a list of jobs shows.
const maxTextPreview = 1024

func textPreview(text, node string) map[string]any {
	preview := map[string]any{"content": text, "nodeId": node, "mediaType": "text"}
	if runes := []rune(text); len(runes) > maxTextPreview {
		preview["content"], preview["truncated"] = string(runes[:maxTextPreview]), true
	}
	return preview
}
