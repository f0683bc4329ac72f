package comfyapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"
)

// FuzzPath asks any path with any query. Whatever it is, the answer is one of ours, an error is JSON, nothing outside the places of
// files is touched, and nothing is answered with 500.
func FuzzPath(f *testing.F) {
	for _, seed := range []struct{ method, target string }{
		{"GET", "/view?filename=a.png&type=input&subfolder=x/y&preview=webp;90&channel=rgba"},
		{"GET", "/view?filename=..%2f..%2fetc%2fpasswd"},
		{"GET", "/api/view?filename=%2e%2e%5c%2e%2e%5cx&subfolder=%2fetc"},
		{"GET", "/userdata/%252e%252e%252fx"},
		{"POST", "/userdata/a%2fb/move/..%2fc?overwrite=false&full_info=true"},
		{"DELETE", "/userdata/%00"},
		{"GET", "/v2/userdata?path=%252e%252e"},
		{"GET", "/userdata?dir=/etc&recurse=true&split=true"},
		{"GET", "/history?max_items=-1&offset=-9223372036854775808"},
		{"GET", "/history?max_items=9223372036854775807&offset=9223372036854775807"},
		{"GET", "/api/jobs?limit=9223372036854775807&offset=9223372036854775807&status=,&sort_by=execution_duration"},
		{"GET", "/object_info/a%2f..%2fb"},
		{"GET", "/models/..%2f"},
		{"GET", "/view_metadata/loras?filename=..%2f..%2fx.safetensors"},
		{"GET", "/experiment/models/preview/loras/0/..%2f..%2fx"},
		{"GET", "/workflow_templates/isac/%2e%2e"},
		{"GET", "//view/../app.js?;;&&=%"},
		{"GET", "/internal/files/..%2fetc"},
		{"POST", "/settings/%2e%2e%2f"},
		{"PROPFIND", "/api/"},
	} {
		f.Add(seed.method, seed.target)
	}
	q := newMemory(testNodes())
	q.files.files[fileKey("input", "x/y", "a.png")] = []byte("not a picture")
	s, err := New(testConfig(), q)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(method, " \r\n") || method == "" || len(target) > 4000 {
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r, err := http.NewRequestWithContext(context.Background(), method, "http://localhost/", strings.NewReader(`{"a":1}`))
		if err != nil {
			return
		}
		u.Scheme, u.Host = "http", "localhost"
		r.URL, r.Host = u, "localhost"
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		if w.Code >= 400 && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: the error is no JSON: %.200q", method, target, w.Body)
		}
		for key := range q.stores["userdata"].values {
			if path.Clean(key) != key || !strings.HasPrefix(key, "default/") || strings.Contains(key, `\`) {
				t.Fatalf("%s %s: stored under %q", method, target, key)
			}
		}
		clear(q.stores["userdata"].values)
		clear(q.stores["settings"].values)
	})
}

// FuzzPrompt sends any body to /prompt. What is taken is a prompt with outputs and an id, whose parts are JSON.
func FuzzPrompt(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":` + good + `,"client_id":"x","number":1.5,"front":true,"extra_data":{"extra_pnginfo":{"workflow":{"id":"w"}}},"partial_execution_targets":["3"]}`,
		`{"prompt":` + good + `,"prompt_id":"` + idA + `","extra_data":{"preview_method":"auto"}}`,
		`{"prompt":` + good + `,"prompt_id":7,"number":"nan","extra_data":null,"client_id":null}`,
		`{"prompt":{"nodes":[],"links":[]}}`, `{"prompt":null}`, `{"prompt":{}}`, `[]`, ``, `{"number":1e999}`, "\xef\xbb\xbf{}", "{\"prompt\":\"\xff\"}",
		`{"prompt":{"3":{"class_type":"Save","inputs":{"images":["3",0]}}}}`,
		`{"prompt":` + good + `,"number":-0.0,"front":[]}`,
	} {
		f.Add([]byte(seed))
	}
	q := newMemory(testNodes())
	s, err := New(testConfig(), q)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "http://localhost/prompt", strings.NewReader(string(body)))
		began := time.Now()
		s.Handler().ServeHTTP(w, r)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%d bytes took %v", len(body), took)
		}
		if w.Code != 200 && w.Code != 400 && w.Code != 409 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		taken := q.drain()
		for _, record := range taken {
			if !isUUID(record.ID) || len(record.Outputs) == 0 || !json.Valid(record.Workflow) || !json.Valid(record.Extra) || !json.Valid(item(record)) {
				t.Fatalf("taken: %+v", record)
			}
			detailOf(record)
		}
		if (w.Code == 200) != (len(taken) == 1) {
			t.Fatalf("%d, and %d prompts are on the queue", w.Code, len(taken))
		}
	})
}
