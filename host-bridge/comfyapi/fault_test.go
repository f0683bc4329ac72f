package comfyapi

import (
	"fmt"
	"image/color"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

// TestClientsFaults: what a client does wrong is 4xx, over the real queue and its disk, whose own errors tell of names and links.
func TestClientsFaults(t *testing.T) {
	data := t.TempDir()
	server, err := queue.Open(t.Context(), queue.Options{Data: data, MaxPending: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	_, web := start(t, realQueue{server, testNodes()}, func(c *Config) { c.MultiUser = true })
	output := filepath.Join(data, "output")
	writeFile(t, filepath.Join(output, "cat.png"), picture(t, 4, 4, color.NRGBA{255, 0, 0, 255}))
	writeFile(t, filepath.Join(output, "wide.png"), picture(t, 70_000, 1, color.NRGBA{255, 0, 0, 255}))
	writeFile(t, filepath.Join(output, "nothing.gif"), "GIF89a\x00\x00\x00\x00\x00\x00\x00,\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x02\x4c\x01\x00;")
	writeFile(t, filepath.Join(output, "text.png"), "no picture")
	writeFile(t, filepath.Join(output, "folder", "x.png"), "x")
	for from, to := range map[string]string{"out.png": "/etc/passwd", "loop.png": "loop.png", "dangling.png": "nowhere", "outside": "/etc"} {
		if err := os.Symlink(to, filepath.Join(output, from)); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("x", 255)
	deep := strings.TrimSuffix(strings.Repeat("a/", 500), "/")
	get := func(path string, query ...string) {
		values := url.Values{}
		for i := 0; i+1 < len(query); i += 2 {
			values.Set(query[i], query[i+1])
		}
		status, _, text := call(t, "GET", web.URL+path+"?"+values.Encode(), "")
		if status < 400 || status >= 500 {
			t.Errorf("GET %s %.80v: %d %s", path, query, status, text)
		}
	}
	for _, ref := range [][2]string{
		{"x.png", "cat.png"}, {"x.png", "cat.png/y"}, {"out.png", ""}, {"loop.png", ""}, {"dangling.png", ""}, {"passwd", "outside"},
		{"folder", ""}, {"x.png", "loop.png"}, {".isac-x", ""}, {"x.png", ".isac-y"}, {long, ""}, {long, deep}, {"x.png", deep}, {"a b\u202e.png", ""},
		{"x", long + "/" + long + "/" + long}, {"NUL", ""}, {"con.png", "aux"},
	} {
		for _, more := range [][]string{nil, {"preview", "webp;90"}, {"channel", "a"}} {
			for _, kind := range []string{"output", "input", "temp"} {
				get("/view", append([]string{"filename", ref[0], "subfolder", ref[1], "type", kind}, more...)...)
			}
		}
	}
	get("/view", "filename", "wide.png", "preview", "jpeg;80")
	get("/view", "filename", "nothing.gif", "preview", "jpeg;80")
	get("/view", "filename", "nothing.gif", "channel", "rgb")
	get("/view", "filename", "text.png", "channel", "rgb")

	fault := func(method, path, body string, headers ...string) {
		t.Helper()
		if status, _, text := call(t, method, web.URL+path, body, headers...); status >= 500 {
			t.Errorf("%s %.80s %.80s: %d %s", method, path, body, status, text)
		}
	}
	for _, name := range []string{".isac-x.png", long, long + "y", "NUL", "cat.png.", "a\u202eb", "cat.png", " ", "%d%s%n", "folder"} {
		for _, folder := range []string{"", "cat.png", deep, "outside", "loop.png", ".isac-f", long, "folder"} {
			for _, kind := range []string{"output", "input"} {
				body, contentType := form(t, "data of "+name, name, "subfolder", folder, "type", kind)
				fault("POST", "/upload/image", body, "Content-Type", contentType)
				body, contentType = form(t, "again of "+name, name, "subfolder", folder, "type", kind, "overwrite", "true")
				fault("POST", "/upload/image", body, "Content-Type", contentType)
			}
		}
	}
	glass := picture(t, 4, 4, color.NRGBA{0, 0, 0, 9})
	for _, original := range []string{"", "null", "[]", `{"filename":"nothing.gif"}`, `{"filename":"wide.png"}`, `{"filename":"out.png"}`,
		`{"filename":"x.png","subfolder":"cat.png"}`, `{"filename":".isac-x"}`, `{"filename":"loop.png"}`, `{"filename":7}`} {
		for _, mask := range []string{glass, "", "no picture", "GIF89a\x00\x00\x00\x00\x00\x00\x00;"} {
			body, contentType := form(t, mask, "mask.png", "original_ref", original)
			fault("POST", "/upload/mask", body, "Content-Type", contentType)
		}
	}
	for _, id := range []string{"", " ", ".", "..", ">", "*", "a.b", "a b", "\n", "\x00", "ä", long + long, strings.Repeat("y", 5000)} {
		quotedID := string(jsonOf(id))
		for _, path := range []string{"/queue", "/history"} {
			fault("POST", path, `{"delete":[`+quotedID+`]}`)
		}
		fault("POST", "/interrupt", `{"prompt_id":`+quotedID+`}`)
		fault("POST", "/prompt", `{"prompt":`+good+`,"prompt_id":`+quotedID+`}`)
		fault("POST", "/prompt", `{"prompt":`+good+`,"client_id":`+quotedID+`}`)
		fault("POST", "/api/jobs/cancel", `{"job_ids":[`+quotedID+`]}`)
		fault("POST", "/users", `{"username":`+quotedID+`}`)
		escaped := url.PathEscape(id)
		fault("POST", "/api/jobs/"+escaped+"/cancel", "")
		for _, method := range []string{"GET", "POST", "DELETE"} {
			fault(method, "/userdata/"+escaped, "1")
			fault(method, "/userdata/"+url.PathEscape(deep+"/"+id), "1")
		}
		fault("POST", "/userdata/"+escaped+"/move/"+url.PathEscape(long+"/"+id), "")
		fault("GET", "/userdata?dir="+url.QueryEscape(id), "")
		fault("GET", "/v2/userdata?path="+url.QueryEscape(id), "")
		fault("GET", "/settings/"+escaped, "")
		fault("POST", "/settings/"+escaped, "1")
		if !strings.ContainsAny(id, "\n\x00") {
			fault("GET", "/settings", "", "Comfy-User", id)
			fault("POST", "/userdata/a", "1", "Comfy-User", id)
		}
		for _, path := range []string{"/models/", "/experiment/models/", "/experiment/models/preview/", "/view_metadata/", "/history/", "/api/jobs/", "/object_info/",
			"/internal/files/", "/workflow_templates/isac/", "/"} {
			fault("GET", path+escaped+"?filename="+url.QueryEscape(id), "")
		}
	}
	for _, body := range []string{"", "null", "7", "[]", "{", `"x"`, "{\"a\":\xff}", `{"delete":7,"clear":7}`, `{"delete":[7]}`, `{"delete":[null]}`, `{"job_ids":[null]}`,
		`{"prompt_id":[]}`, `{"username":[]}`, `{"enabled":7,"clientId":[]}`, strings.Repeat("[", 100_000), fmt.Sprintf(`{"a":%s1%s}`, strings.Repeat("[", 20_000), strings.Repeat("]", 20_000)),
		`{"a":1e999}`, `{"prompt":{},"number":1e999}`, `{"prompt":` + good + `,"number":-1e308,"front":true}`, `{"prompt":` + good + `,"extra_data":{"a":1e999,"\ud800":"\udfff"}}`,
		`{"prompt":` + strings.Replace(good, `"a"`, `"\ud800"`, 1) + `}`, `{"prompt":` + good + `,"partial_execution_targets":[]}`} {
		for _, path := range []string{"/prompt", "/queue", "/history", "/interrupt", "/free", "/users", "/settings", "/settings/a", "/api/jobs/cancel"} {
			fault("POST", path, body)
		}
		fault("PATCH", "/internal/logs/subscribe", body)
	}
}
