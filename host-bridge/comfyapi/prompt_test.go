package comfyapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

// TestPromptIsRefused has one row for each way in which POST /prompt refuses.
func TestPromptIsRefused(t *testing.T) {
	q := openReal(t)
	_, web := start(t, q, func(c *Config) { c.Limits.PromptBytes = 1 << 20 })
	node := func(seed string) string {
		return `{"1":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"mini"}},
			"2":{"class_type":"Sampler","inputs":{"model":["1",0],"seed":` + seed + `,"steps":4}},"3":{"class_type":"Save","inputs":{"images":["2",0],"prefix":"a"}}}`
	}
	for _, row := range []struct {
		name, body string
		status     int
		kind       string // error.type
		text       string // somewhere in the answer
		nodes      int    // of node_errors
	}{
		{"no body", ``, 400, "bad_request", "it is empty", 0},
		{"broken json", `{"prompt":`, 400, "bad_request", "unexpected end of JSON input", 0},
		{"not utf-8", "{\"prompt\":\"\xff\"}", 400, "bad_request", "not UTF-8", 0},
		{"no object", `[1]`, 400, "bad_request", "no JSON object", 0},
		{"too large", `{"x":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "too_large", "larger than 1 MiB", 0},
		{"no prompt", `{"client_id":"x"}`, 400, "no_prompt", `"message":"No prompt provided","details":"No prompt provided"`, 0},
		{"null prompt", `{"prompt":null}`, 400, "no_prompt", "no workflow", 0},
		{"the workflow itself", good, 400, "no_prompt", "the body is the workflow itself", 0},
		{"the editor's format itself", `{"nodes":[],"links":[]}`, 400, "no_prompt", "Export (API)", 0},
		{"the editor's format", `{"prompt":{"nodes":[],"links":[],"version":0.4}}`, 400, "invalid_prompt", "Workflow > Export (API)", 0},
		{"a list", `{"prompt":[]}`, 400, "invalid_prompt", "a workflow is an object", 0},
		{"a node without class", `{"prompt":{"1":{"inputs":{}}}}`, 400, "missing_node_type", "has no class_type", 0},
		{"an unknown class", `{"prompt":{"1":{"class_type":"Nope","inputs":{}},"2":{"class_type":"Nor","inputs":{}}}}`, 400, "missing_node_type", `"missing_nodes":[`, 0},
		{"no outputs", `{"prompt":{"1":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"mini"}}}}`, 400, "prompt_no_outputs", "Prompt has no outputs", 0},
		{"nothing", `{"prompt":{}}`, 400, "prompt_no_outputs", "Prompt has no outputs", 0},
		{"no targets", `{"prompt":` + good + `,"partial_execution_targets":[]}`, 400, "prompt_no_outputs", "", 0},
		{"a value out of range", `{"prompt":` + node("-1") + `}`, 400, "prompt_outputs_failed_validation", "value_smaller_than_min", 1},
		{"a seed beyond 64 bits", `{"prompt":` + node("18446744073709551616") + `}`, 400, "prompt_outputs_failed_validation", "value_bigger_than_max", 1},
		{"an id that is none", `{"prompt":` + good + `,"prompt_id":"mine"}`, 400, "invalid_prompt_id", "prompt_id must be a valid UUID", 0},
		{"an id in capitals", `{"prompt":` + good + `,"prompt_id":"AAAAAAAA-2222-4333-8444-555555555555"}`, 400, "invalid_prompt_id", "canonical lowercase", 0},
		{"a number that is none", `{"prompt":` + good + `,"number":"x"}`, 400, "bad_request", "expected a finite number", 0},
		{"a client that is none", `{"prompt":` + good + `,"client_id":7}`, 400, "bad_request", "expected a string", 0},
		{"a long client", `{"prompt":` + good + `,"client_id":"` + strings.Repeat("x", 300) + `"}`, 400, "bad_request", "at most 200", 0},
		{"extra data that is none", `{"prompt":` + good + `,"extra_data":[1]}`, 400, "bad_request", "expected an object", 0},
		{"targets that are none", `{"prompt":` + good + `,"partial_execution_targets":"3"}`, 400, "bad_request", "list of ids", 0},
	} {
		status, header, text := call(t, "POST", web.URL+"/api/prompt", row.body)
		v := map[string]any{}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Errorf("%s: %v: %s", row.name, err, text)
			continue
		}
		if status != row.status || at(t, v, "error", "type") != row.kind || !strings.Contains(text, row.text) {
			t.Errorf("%s: %d %.400s\nwant %d, type %s, %q", row.name, status, text, row.status, row.kind, row.text)
		}
		if nodes, _ := at(t, v, "node_errors").(map[string]any); len(nodes) != row.nodes {
			t.Errorf("%s: %d nodes with errors, want %d: %s", row.name, len(nodes), row.nodes, text)
		}
		checkFailure(t, row.name, header, text)
	}
	if running, pending := q.Snapshot(); len(running)+len(pending) > 0 {
		t.Errorf("something was put on the queue: %v %v", running, pending)
	}
}

func TestPromptIsTaken(t *testing.T) {
	q := openReal(t)
	_, web := start(t, q)
	// Clients drop the content type; a seed of 64 bits keeps all of them; secrets are not kept.
	status, _, text := call(t, "POST", web.URL+"/prompt", `{"prompt":`+good+`,"client_id":"me","prompt_id":"`+idA+`",
		"extra_data":{"extra_pnginfo":{"workflow":{"id":"w","x":"<b>"}},"api_key_comfy_org":"secret"}}`, "Content-Type", "text/plain;charset=UTF-8")
	if status != 200 || text != `{"prompt_id":"`+idA+`","number":0,"node_errors":{}}` {
		t.Fatalf("%d %s", status, text)
	}
	v := get(t, web.URL+"/queue")
	entry := at(t, v, "queue_pending", 0)
	if seed := at(t, entry, 2, "2", "inputs", "seed"); seed != json.Number("18446744073709551615") {
		t.Errorf("seed is %v", seed)
	}
	if at(t, entry, 1) != idA || at(t, entry, 3, "client_id") != "me" || at(t, entry, 4, 0) != "3" || at(t, entry, 3, "extra_pnginfo", "workflow", "x") != "<b>" {
		t.Errorf("the queue shows %v", entry)
	}
	if _, ok := at(t, entry, 3).(map[string]any)["api_key_comfy_org"]; ok {
		t.Error("the secret was kept")
	}
	if created, ok := at(t, entry, 3, "create_time").(json.Number); !ok || len(created) != 13 {
		t.Errorf("create_time is %v", created)
	}
	if n := at(t, get(t, web.URL+"/prompt"), "exec_info", "queue_remaining"); n != json.Number("1") {
		t.Errorf("queue_remaining is %v", n)
	}
	if status, _, text := call(t, "POST", web.URL+"/prompt", `{"prompt":`+good+`,"prompt_id":"`+idA+`"}`); status != http.StatusConflict {
		t.Errorf("the same id again: %d %s", status, text)
	}
	for _, row := range []struct{ members, want string }{
		{`"front":true`, "-2"}, {`"number":5`, "5"}, {`"number":"2.5"`, "2.5"}, {`"front":false`, "3"}, {`"number":-3,"front":true`, "-3"},
	} {
		_, _, text := call(t, "POST", web.URL+"/prompt", `{"prompt":`+good+`,`+row.members+`}`)
		if v := decode(t, text); at(t, v, "number") != json.Number(row.want) || !isUUID(at(t, v, "prompt_id").(string)) {
			t.Errorf("%s: %s, want number %s", row.members, text, row.want)
		}
	}
	var order []string
	for _, entry := range at(t, get(t, web.URL+"/queue"), "queue_pending").([]any) {
		order = append(order, fmt.Sprint(at(t, entry, 0)))
	}
	if got := strings.Join(order, " "); got != "-3 -2 0 2.5 3 5" {
		t.Errorf("the order is %s", got)
	}
	jobs := get(t, web.URL+"/api/jobs?status=pending&workflow_id=w&limit=1")
	if at(t, jobs, "jobs", 0, "id") != idA || at(t, jobs, "jobs", 0, "status") != "pending" || at(t, jobs, "pagination", "total") != json.Number("1") {
		t.Errorf("jobs: %v", jobs)
	}
	if detail := get(t, web.URL+"/api/jobs/"+idA); at(t, detail, "workflow", "prompt", "1", "class_type") != "CheckpointLoaderSimple" {
		t.Errorf("job: %v", detail)
	}
	if _, _, text := call(t, "POST", web.URL+"/api/jobs/"+idA+"/cancel", ""); text != `{"cancelled":true}` {
		t.Errorf("cancel: %s", text)
	}
	if _, ok := q.Record(idA); ok {
		t.Error("the cancelled prompt is still there")
	}
	call(t, "POST", web.URL+"/queue", `{"clear":true}`)
	if _, pending := q.Snapshot(); len(pending) != 0 {
		t.Errorf("%d are pending after clear", len(pending))
	}
}

// TestPartOfAPrompt: 200 with node_errors, and only what is valid or wanted runs.
func TestPartOfAPrompt(t *testing.T) {
	q := openReal(t)
	_, web := start(t, q)
	two := strings.TrimSuffix(good, "}") + `,"4":{"class_type":"Save","inputs":{"images":["2",0]}},"5":{"class_type":"Save","inputs":{"images":["2",0],"prefix":"b"}}}`
	status, _, text := call(t, "POST", web.URL+"/prompt", `{"prompt":`+two+`,"prompt_id":"`+idA+`"}`)
	if v := decode(t, text); status != 200 || at(t, v, "node_errors", "4", "errors", 0, "type") != "required_input_missing" {
		t.Errorf("%d %s", status, text)
	}
	if r, _ := q.Record(idA); strings.Join(r.Outputs, " ") != "3 5" {
		t.Errorf("outputs are %v", r.Outputs)
	}
	status, _, text = call(t, "POST", web.URL+"/prompt", `{"prompt":`+two+`,"prompt_id":"`+idB+`","partial_execution_targets":["5"]}`)
	if r, _ := q.Record(idB); status != 200 || strings.Join(r.Outputs, " ") != "5" {
		t.Errorf("%d %s: outputs are %v", status, text, r.Outputs)
	}
}

func TestPreviewsAreWanted(t *testing.T) {
	for _, row := range []struct {
		byDefault bool
		extra     string
		want      bool
	}{
		{false, `{}`, false}, {true, `{}`, true}, {true, `{"preview_method":"none"}`, false}, {false, `{"preview_method":"auto"}`, true},
		{false, `{"preview_method":"default"}`, false}, {true, `{"preview_method":"default"}`, true},
	} {
		req, mistake, err := readPrompt(map[string]json.RawMessage{"prompt": json.RawMessage(good), "extra_data": json.RawMessage(row.extra)}, row.byDefault)
		if err != nil || mistake != nil || req.previews != row.want {
			t.Errorf("%v %s: previews %v, %v %v", row.byDefault, row.extra, req.previews, mistake, err)
		}
	}
}

func TestFullQueue(t *testing.T) {
	q := newMemory(testNodes())
	q.limit = 1
	_, web := start(t, q)
	prompt(t, web.URL, idA, "")
	status, _, text := call(t, "POST", web.URL+"/prompt", `{"prompt":`+good+`}`)
	if status != http.StatusTooManyRequests || !strings.Contains(text, "the queue is full: 1 prompts are pending, and 1 may be") {
		t.Errorf("%d %s", status, text)
	}
}

// TestNoWorker: without nodes a workflow is not wrong; nobody knows.
func TestNoWorker(t *testing.T) {
	_, web := start(t, newMemory(nil))
	if status, _, text := call(t, "POST", web.URL+"/prompt", `{"prompt":`+good+`}`); status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", status, text)
	}
}

// TestNumbersGoOn: a server that starts again numbers on.
func TestNumbersGoOn(t *testing.T) {
	q := newMemory(testNodes())
	for i, n := range []float64{3, -7.5, 1e300} {
		q.records = append(q.records, &queue.Record{Prompt: queue.Prompt{ID: fmt.Sprint(i), Number: n}, State: queue.Pending})
	}
	if n := nextNumber(q); n != 8 {
		t.Errorf("the next number is %v, want 8", n)
	}
}
