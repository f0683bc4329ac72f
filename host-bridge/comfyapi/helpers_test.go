package comfyapi

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

// testNodes are the classes of tests: a source, a node with a widget of each kind, and an output.
func testNodes() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"CheckpointLoaderSimple": json.RawMessage(`{"input":{"required":{"ckpt_name":["COMBO",{"options":["mini","other.safetensors"]}]}},
			"output":["MODEL"],"output_is_list":[false],"output_name":["MODEL"],"name":"CheckpointLoaderSimple","display_name":"Load Checkpoint",
			"description":"","python_module":"nodes","category":"loaders","output_node":false}`),
		"Sampler": json.RawMessage(`{"input":{"required":{"model":["MODEL",{}],"seed":["INT",{"min":0,"max":18446744073709551615}],"steps":["INT",{"min":1,"max":1000}]}},
			"output":["IMAGE"],"output_is_list":[false],"output_name":["IMAGE"],"name":"Sampler","display_name":"Sampler","description":"",
			"python_module":"nodes","category":"sampling","output_node":false}`),
		"Save": json.RawMessage(`{"input":{"required":{"images":["IMAGE",{}],"prefix":["STRING",{}]}},"output":[],"output_is_list":[],"output_name":[],
			"name":"Save","display_name":"Save","description":"","python_module":"nodes","category":"image","output_node":true}`),
	}
}

// good is a workflow of them.
const good = `{"1":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"mini"}},
"2":{"class_type":"Sampler","inputs":{"model":["1",0],"seed":18446744073709551615,"steps":4}},
"3":{"class_type":"Save","inputs":{"images":["2",0],"prefix":"a"}}}`

const idA = "11111111-2222-4333-8444-555555555555"
const idB = "11111111-2222-4333-8444-666666666666"

func testConfig() Config {
	return Config{
		Version:   "v0-test",
		Page:      fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>isac</title>")}, "app.js": {Data: []byte("1")}, "extensions/a/b.js": {Data: []byte("2")}},
		Templates: nil,
	}
}

// start serves a queue.
func start(t testing.TB, q Queue, change ...func(*Config)) (*Server, *httptest.Server) {
	t.Helper()
	config := testConfig()
	for _, c := range change {
		c(&config)
	}
	s, err := New(config, q)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return s, web
}

// realQueue is the embedded queue with nodes that need no worker.
type realQueue struct {
	*queue.Server
	nodes map[string]json.RawMessage
}

func (q realQueue) Nodes(context.Context) (map[string]json.RawMessage, error) { return q.nodes, nil }

func openReal(t testing.TB) realQueue {
	t.Helper()
	q, _ := openRealAt(t)
	return q
}

// openRealAt also gives the data folder.
func openRealAt(t testing.TB) (realQueue, string) {
	t.Helper()
	data := t.TempDir()
	s, err := queue.Open(context.Background(), queue.Options{Data: data, MaxPending: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return realQueue{s, testNodes()}, data
}

// call sends a request and gives status, headers and body.
func call(t testing.TB, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 20 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// get decodes a 200 answer.
func get(t testing.TB, url string) any {
	t.Helper()
	status, _, text := call(t, "GET", url, "")
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", url, status, text)
	}
	return decode(t, text)
}

func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return v
}

// at walks into a decoded value: at(v, "a", 0, "b").
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v is no object with %q", v, p)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				t.Fatalf("%v has no item %d", v, p)
			}
			v = l[p]
		}
	}
	return v
}

// prompt puts the good workflow on the queue.
func prompt(t testing.TB, url, id, client string) {
	t.Helper()
	status, _, text := call(t, "POST", url+"/prompt", `{"prompt":`+good+`,"prompt_id":"`+id+`","client_id":"`+client+`"}`)
	if status != http.StatusOK {
		t.Fatalf("POST /prompt: %d %s", status, text)
	}
}

// form makes a multipart body.
func form(t testing.TB, file, name string, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("image", name)
	if err == nil {
		_, err = io.WriteString(part, file)
	}
	for i := 0; err == nil && i+1 < len(fields); i += 2 {
		err = w.WriteField(fields[i], fields[i+1])
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// picture is a PNG of one colour.
func picture(t testing.TB, width, height int, c color.Color) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
