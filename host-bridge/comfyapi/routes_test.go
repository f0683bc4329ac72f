package comfyapi

import (
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRoutes asks every route, bare and under /api, on the embedded queue.
func TestRoutes(t *testing.T) {
	models := t.TempDir()
	writeFile(t, models+"/loras/sub/a.safetensors", safetensors(`{"__metadata__":{"ss_tag":"cat"},"other":{}}`))
	writeFile(t, models+"/loras/b.safetensors", safetensors("{}"))
	writeFile(t, models+"/loras/b.preview.png", "png")
	writeFile(t, models+"/embeddings/bad hands.pt", "x")
	writeFile(t, models+"/secret.safetensors", safetensors(`{"__metadata__":{}}`))
	_, web := start(t, openReal(t), func(c *Config) {
		c.Models = []string{models}
		c.Templates = map[string]fs.FS{"isac": fstest.MapFS{"demo.json": {Data: []byte(`{"nodes":[]}`)}}}
	})
	for _, row := range []struct {
		method, path, body string
		status             int
		// want is a part of the answer; "=…" is all of it.
		want string
	}{
		{"GET", "/prompt", "", 200, `={"exec_info":{"queue_remaining":0}}`},
		{"GET", "/queue", "", 200, `={"queue_pending":[],"queue_running":[]}`},
		{"GET", "/history", "", 200, "={}"},
		{"GET", "/history?max_items=200", "", 200, "={}"},
		{"GET", "/history?max_items=many", "", 400, "expected a whole number"},
		{"GET", "/history/" + idA, "", 200, "={}"},
		{"POST", "/history", `{"clear":true}`, 200, "="},
		{"POST", "/history", `{"delete":["` + idA + `"]}`, 200, "="},
		{"POST", "/history", `{"delete":"x"}`, 400, "a list of ids"},
		{"POST", "/queue", `{"clear":true}`, 200, "="},
		{"POST", "/queue", `{"delete":["` + idA + `"]}`, 200, "="},
		{"POST", "/queue", `no`, 400, "no JSON object"},
		{"POST", "/interrupt", "", 200, "="},
		{"POST", "/interrupt", `{"prompt_id":"` + idA + `"}`, 200, "="},
		{"POST", "/interrupt", `[]`, 400, "no JSON object"},
		{"POST", "/free", `{"unload_models":true,"free_memory":true}`, 200, "="},
		{"POST", "/prompt", ``, 400, "it is empty"},
		{"GET", "/object_info", "", 200, `"Sampler":{`},
		{"GET", "/object_info/Sampler", "", 200, `"output_name":["IMAGE"]`},
		{"GET", "/object_info/Primitive%20boolean%20%5BCrystools%5D", "", 200, "={}"},
		{"GET", "/object_info/a%2Fb", "", 200, "={}"},
		{"GET", "/view", "", 404, "filename is missing"},
		{"GET", "/view?filename=none.png", "", 404, "there is no output file"},
		{"GET", "/view_metadata/loras?filename=sub/a.safetensors", "", 200, `={"ss_tag":"cat"}`},
		{"GET", "/view_metadata/loras?filename=b.safetensors", "", 404, "with metadata"},
		{"GET", "/view_metadata/loras?filename=../secret.safetensors", "", 404, "with metadata"},
		{"GET", "/view_metadata/loras", "", 404, "with metadata"},
		{"GET", "/view_metadata/nothing?filename=a.safetensors", "", 404, "with metadata"},
		{"POST", "/upload/image", "", 400, "no form with a file"},
		{"POST", "/upload/mask", "", 400, "no form with a file"},
		{"GET", "/embeddings", "", 200, `=["bad hands"]`},
		{"GET", "/models", "", 200, `"checkpoints"`},
		{"GET", "/models/checkpoints", "", 200, `=["mini","other.safetensors"]`},
		{"GET", "/models/loras", "", 200, `=["b.safetensors","sub/a.safetensors"]`},
		{"GET", "/models/vae", "", 200, `=[]`},
		{"GET", "/models/nothing", "", 404, "no folder of models"},
		{"GET", "/models/%2e%2e", "", 404, "no folder of models"},
		{"GET", "/experiment/models", "", 200, `"folders":["` + models},
		{"GET", "/experiment/models/loras", "", 200, `"pathIndex":0`},
		{"GET", "/experiment/models/nothing", "", 404, "no folder of models"},
		{"GET", "/experiment/models/preview/loras/0/b.safetensors", "", 200, "=png"},
		{"GET", "/experiment/models/preview/loras/0/c.safetensors", "", 404, "no picture"},
		{"GET", "/experiment/models/preview/loras/1/b.safetensors", "", 404, "no picture"},
		{"GET", "/experiment/models/preview/loras/0/..%2F..%2Fb.safetensors", "", 404, "no picture"},
		{"GET", "/users", "", 200, `={"migrated":false,"storage":"server"}`},
		{"GET", "/settings", "", 200, "={}"},
		{"GET", "/settings/Comfy.Nothing", "", 200, "=null"},
		{"GET", "/userdata", "", 400, "dir is missing"},
		{"GET", "/userdata?dir=workflows", "", 404, "no folder"},
		{"GET", "/userdata?dir=../x", "", 403, "no folder of yours"},
		{"GET", "/v2/userdata", "", 200, "=[]"},
		{"GET", "/v2/userdata?path=x", "", 404, "no folder"},
		{"GET", "/v2/userdata?path=..%2f..", "", 400, "no folder of yours"},
		{"GET", "/userdata/none.json", "", 404, "no file"},
		{"DELETE", "/userdata/none.json", "", 404, "no file"},
		{"POST", "/userdata/none.json/move/some.json", "", 404, "no file"},
		{"GET", "/system_stats", "", 200, `"comfyui_version":"0.3.64"`},
		{"GET", "/features", "", 200, `"max_upload_size":104857600`},
		{"GET", "/extensions", "", 200, `=["/extensions/a/b.js"]`},
		{"GET", "/i18n", "", 200, "={}"},
		{"GET", "/workflow_templates", "", 200, `={"isac":["demo"]}`},
		{"GET", "/workflow_templates/isac/demo.json", "", 200, `={"nodes":[]}`},
		{"GET", "/workflow_templates/isac/..%2Fdemo.json", "", 404, "no template"},
		{"GET", "/global_subgraphs", "", 200, "={}"},
		{"GET", "/node_replacements", "", 200, "={}"},
		{"GET", "/ws", "", 400, "address of a WebSocket"},
		{"GET", "/manager/version", "", 404, "there is no"},
		{"PUT", "/prompt", "{}", 405, "takes GET and POST"},
		{"DELETE", "/userdata/a/move/b", "", 405, "takes POST"},
		{"POST", "/nothing", "{}", 404, "there is no"},
	} {
		for _, prefix := range []string{"", "/api"} {
			status, header, text := call(t, row.method, web.URL+prefix+row.path, row.body)
			name := row.method + " " + prefix + row.path
			if status != row.status {
				t.Errorf("%s: %d, want %d: %.200s", name, status, row.status, text)
			}
			if want, whole := strings.CutPrefix(row.want, "="); whole && text != want || !whole && !strings.Contains(text, want) {
				t.Errorf("%s: %.300s\nwant %s", name, text, row.want)
			}
			if status >= 400 {
				checkFailure(t, name, header, text)
			}
		}
	}
	for _, row := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/", "", 200, "<!doctype html>"},
		{"GET", "/app.js", "", 200, "1"},
		{"GET", "/api/jobs", "", 200, `{"jobs":[],"pagination":{"has_more":false,"limit":null,"offset":0,"total":0}}`},
		{"GET", "/api/jobs?status=pending,done", "", 400, "Invalid status value(s): done"},
		{"GET", "/api/jobs?sort_by=x", "", 400, "sort_by must be"},
		{"GET", "/api/jobs?sort_order=x", "", 400, "sort_order must be"},
		{"GET", "/api/jobs?limit=0", "", 400, "limit must be a positive integer"},
		{"GET", "/api/jobs?limit=x", "", 400, "limit must be an integer"},
		{"GET", "/api/jobs?offset=x", "", 400, "offset must be an integer"},
		{"GET", "/api/jobs/" + idA, "", 404, `{"error":"Job not found"}`},
		{"POST", "/api/jobs/" + idA + "/cancel", "", 200, `{"cancelled":false}`},
		{"POST", "/api/jobs/cancel", `{"job_ids":["` + idA + `"]}`, 200, `{"cancelled":false}`},
		{"POST", "/api/jobs/cancel", `{"job_ids":["x",3]}`, 400, `"invalid_ids":["x","3"]`},
		{"POST", "/api/jobs/cancel", `{}`, 400, "job_ids must be a list"},
		{"POST", "/api/jobs/cancel", `{`, 400, "must be valid JSON"},
		{"GET", "/internal/logs", "", 200, `"`},
		{"GET", "/internal/logs/raw", "", 200, `"entries":[]`},
		{"PATCH", "/internal/logs/subscribe", `{"clientId":"x","enabled":true}`, 200, ""},
		{"PATCH", "/internal/logs/subscribe", `{"clientId":3}`, 400, "a string"},
		{"GET", "/internal/folder_paths", "", 200, `"loras":["` + models},
		{"GET", "/internal/files/output", "", 200, "[]"},
		{"GET", "/internal/files/etc", "", 400, "expected output, input or temp"},
		{"GET", "/metrics", "", 200, "isac_queue_length{state=\"pending\"} 0"},
	} {
		status, _, text := call(t, row.method, web.URL+row.path, row.body)
		if status != row.status || !strings.Contains(text, row.want) {
			t.Errorf("%s %s: %d %.300s\nwant %d %s", row.method, row.path, status, text, row.status, row.want)
		}
	}
}

// safetensors is a file of that format with a header and nothing else.
func safetensors(header string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header
}

// checkFailure: there are clients that read the JSON of every error.
func checkFailure(t *testing.T, name string, header http.Header, text string) {
	t.Helper()
	var f struct {
		Error struct {
			Type, Message string
			ExtraInfo     map[string]any `json:"extra_info"`
		}
		NodeErrors map[string]any `json:"node_errors"`
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Errorf("%s: the error is no JSON: %v: %.200s", name, err, text)
	}
	if f.Error.Type == "" || f.Error.Message == "" || f.Error.ExtraInfo == nil || f.NodeErrors == nil {
		t.Errorf("%s: the error lacks something: %s", name, text)
	}
	if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		t.Errorf("%s: the error's content type is %s", name, header.Get("Content-Type"))
	}
}
