package comfyapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestUserdata(t *testing.T) {
	_, web := start(t, openReal(t), func(c *Config) { c.Limits.UserdataBytes = 1000 })
	steps := []struct {
		method, path, body string
		status             int
		want               string // a part; "=" all
	}{
		{"POST", "/userdata/workflows%2Fa.json", `{"a":1}`, 200, `="workflows/a.json"`},
		{"POST", "/userdata/workflows%2Fa.json?overwrite=false", `{}`, 409, "is there already"},
		{"POST", "/userdata/workflows%2Fa.json?overwrite=true&full_info=true", `{"a":22}`, 200, `{"path":"workflows/a.json","size":8,"modified":`},
		{"POST", "/userdata/workflows%2Fsub%2Fgr%C3%BC%C3%9Fe%20%26%20so.json", `{"b":1}`, 200, `="workflows/sub/grüße & so.json"`},
		{"POST", "/userdata/user.css", `body{}`, 200, `="user.css"`},
		{"POST", "/userdata/user.css%2Fx.json", `{}`, 400, "is a file, no folder"},
		{"POST", "/userdata/workflows%2Fsub", `{}`, 400, "is a folder"},
		{"POST", "/userdata/workflows%2Fa.json/move/workflows", ``, 400, "is a folder"},
		{"POST", "/userdata/page.html", `<script>`, 200, `="page.html"`},
		{"GET", "/userdata/workflows%2Fa.json", "", 200, `={"a":22}`},
		{"GET", "/userdata/workflows%252Fa.json", "", 200, `={"a":22}`}, // encoded twice
		{"GET", "/userdata/workflows%2Fsub%2Fgr%C3%BC%C3%9Fe%20%26%20so.json", "", 200, `={"b":1}`},
		{"GET", "/userdata?dir=workflows", "", 200, `=["a.json"]`},
		{"GET", "/userdata?dir=workflows&recurse=true", "", 200, `=["a.json","sub/grüße & so.json"]`},
		{"GET", "/userdata?dir=workflows&recurse=true&split=true", "", 200, `=[["a.json","a.json"],["sub/grüße & so.json","sub","grüße & so.json"]]`},
		{"GET", "/userdata?dir=workflows&full_info=true&split=false", "", 200, `[{"path":"a.json","size":8,"modified":1`},
		{"GET", "/userdata?dir=.", "", 200, `=["page.html","user.css"]`},
		{"GET", "/v2/userdata", "", 200, `[{"name":"sub","path":"workflows/sub","type":"directory"},{"name":"workflows","path":"workflows","type":"directory"},{"name":"a.json"`},
		{"GET", "/v2/userdata?path=workflows%2Fsub", "", 200, `[{"name":"grüße & so.json","path":"workflows/sub/grüße & so.json","type":"file","size":7,"modified":1`},
		{"GET", "/v2/userdata?path=user.css", "", 400, "expected a folder"},
		{"POST", "/userdata/workflows%2Fa.json/move/workflows%2Fb.json", "", 200, `="workflows/b.json"`},
		{"GET", "/userdata/workflows%2Fa.json", "", 404, "no file"},
		{"POST", "/userdata/user.css/move/workflows%2Fb.json?overwrite=false", "", 409, "is there already"},
		{"POST", "/userdata/workflows%2Fb.json/move/workflows%2Fb.json?full_info=true", "", 200, `"size":8`},
		{"GET", "/userdata/workflows%2Fb.json", "", 200, `={"a":22}`},
		{"DELETE", "/userdata/workflows%2Fb.json", "", 204, "="},
		{"DELETE", "/userdata/workflows%2Fb.json", "", 404, "no file"},
		{"POST", "/userdata/big.json", strings.Repeat("x", 1001), 413, "larger than 1000 bytes"},
		{"GET", "/users", "", 200, `={"migrated":true,"storage":"server"}`},
	}
	for _, name := range []string{"..", "..%2Fx", "a%2F..%2F..%2Fx", "%2Fetc%2Fpasswd", "a%5Cb", "a%00b", "%252e%252e%252Fx", "a%2F%2Fb", "a%2F", "C:x", strings.Repeat("x", 300)} {
		name = strings.Replace(name, "..", "%2e%2e", 1)
		for _, method := range []string{"GET", "POST", "DELETE"} {
			steps = append(steps, struct {
				method, path, body string
				status             int
				want               string
			}{method, "/userdata/" + name, "x", 403, "no path of a file of yours"})
		}
	}
	for _, step := range steps {
		status, header, text := call(t, step.method, web.URL+step.path, step.body)
		if want, whole := strings.CutPrefix(step.want, "="); status != step.status || whole && text != want || !strings.Contains(text, want) {
			t.Errorf("%s %s: %d %.300s\nwant %d %s", step.method, step.path, status, text, step.status, step.want)
		}
		if status >= 400 {
			checkFailure(t, step.path, header, text)
		}
	}
	if _, header, _ := call(t, "GET", web.URL+"/userdata/page.html", ""); header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a page of a user could run here: %v", header)
	}
	if _, header, _ := call(t, "GET", web.URL+"/userdata/user.css", ""); !strings.HasPrefix(header.Get("Content-Type"), "text/css") || !strings.HasPrefix(header.Get("Content-Disposition"), "inline") {
		t.Errorf("user.css: %v", header)
	}
}

func TestSettings(t *testing.T) {
	_, web := start(t, openReal(t), func(c *Config) { c.Limits.BodyBytes = 2000 })
	for _, row := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/settings", `{"Comfy.A":1,"Comfy.B":"x"}`, 200, ""},
		{"POST", "/settings/Comfy.B", `{"deep":[true]}`, 200, ""},
		{"POST", "/api/settings/Comfy.C%2FD", `null`, 200, ""},
		{"GET", "/settings", "", 200, `{"Comfy.A":1,"Comfy.B":{"deep":[true]},"Comfy.C/D":null}`},
		{"GET", "/settings/Comfy.B", "", 200, `{"deep":[true]}`},
		{"POST", "/settings/Comfy.B", `{`, 400, "no JSON value"},
		{"POST", "/settings", `7`, 400, "no JSON object"},
		{"POST", "/settings/Comfy.E", `"` + strings.Repeat("x", 1950) + `"`, 413, "all settings together"},
		{"GET", "/settings/Comfy.E", "", 200, `null`},
	} {
		if status, _, text := call(t, row.method, web.URL+row.path, row.body); status != row.status || !strings.Contains(text, row.want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", row.method, row.path, status, text, row.status, row.want)
		}
	}
	// Settings that come at once are all kept.
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { call(t, "POST", fmt.Sprintf("%s/settings/n%d", web.URL, i), "1") })
	}
	all.Wait()
	settings := map[string]any{}
	_, _, text := call(t, "GET", web.URL+"/settings", "")
	if err := json.Unmarshal([]byte(text), &settings); err != nil || len(settings) != 23 {
		t.Errorf("%d settings, want 23: %v", len(settings), err)
	}
}

func TestUsers(t *testing.T) {
	_, web := start(t, openReal(t), func(c *Config) { c.MultiUser = true })
	if status, _, text := call(t, "POST", web.URL+"/users", `{"username":" ann & co "}`); status != 200 || !strings.HasPrefix(text, `"ann-co_`) {
		t.Fatalf("%d %s", status, text)
	}
	users := at(t, get(t, web.URL+"/users"), "users").(map[string]any)
	var ann string
	for id, name := range users {
		if name == "ann & co" {
			ann = id
		}
	}
	if ann == "" {
		t.Fatalf("users: %v", users)
	}
	for _, row := range []struct {
		method, path, body, user string
		status                   int
		want                     string
	}{
		{"POST", "/users", `{"username":"ann & co"}`, "", 400, `{"error":"Duplicate username."}`},
		{"POST", "/users", `{}`, "", 400, `{"error":"username not provided"}`},
		{"POST", "/settings/a", "1", ann, 200, ""},
		{"POST", "/settings/a", "2", "", 200, ""},
		{"GET", "/settings/a", "", ann, 200, "1"},
		{"GET", "/settings/a", "", "", 200, "2"},
		{"GET", "/settings", "", "nobody", 401, "no user"},
		{"GET", "/settings", "", "../x", 401, "no user"},
		{"POST", "/userdata/f", "ann's", ann, 200, `"f"`},
		{"GET", "/userdata/f", "", "", 404, "no file"},
		{"GET", "/userdata/f", "", ann, 200, "ann's"},
		{"GET", "/userdata/f", "", "nobody", 403, "no user"},
	} {
		var headers []string
		if row.user != "" {
			headers = []string{"Comfy-User", row.user}
		}
		if status, _, text := call(t, row.method, web.URL+row.path, row.body, headers...); status != row.status || !strings.Contains(text, row.want) {
			t.Errorf("%s %s as %q: %d %s\nwant %d %s", row.method, row.path, row.user, status, text, row.status, row.want)
		}
	}
}
