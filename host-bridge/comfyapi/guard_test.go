package comfyapi

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

const token = "a-token-of-some-length"

// TestStrangers: who may ask a loopback server, and from where.
func TestStrangers(t *testing.T) {
	_, web := start(t, newMemory(testNodes()), func(c *Config) {
		c.Hosts, c.Origins = []string{"art.example.org"}, []string{"https://studio.example.org"}
	})
	for _, row := range []struct {
		host, origin, site string
		status             int
	}{
		{"127.0.0.1:8188", "", "", 200},
		{"localhost:8188", "", "", 200},
		{"LOCALHOST.:8188", "", "", 200},
		{"[::1]:8188", "", "", 200},
		{"art.example.org", "", "", 200},
		{"evil.example:8188", "", "", 403}, // DNS rebinding
		{"127.0.0.1.evil.example", "", "", 403},
		{"192.168.1.7:8188", "", "", 403},
		{"localhost:8188", "http://localhost:8188", "", 200},
		{"localhost:8188", "http://localhost:3000", "", 403},
		{"localhost:8188", "http://evil.example", "", 403},
		{"localhost:8188", "null", "", 403},
		{"localhost:8188", "file://", "", 403},
		{"localhost", "http://localhost", "", 200},
		{"localhost:8188", "https://localhost:8188", "", 403}, // another scheme, and another port
		{"localhost", "http://localhost:3000", "", 403},
		{"localhost", "https://localhost", "", 403},
		{"localhost:80", "http://localhost", "", 200},
		{"localhost:8188", "http://localhost", "", 403},
		{"localhost:8188", "http://127.0.0.1:8188", "", 403},
		{"[::1]:8188", "http://[::1]:8188", "", 200},
		{"localhost:8188", "http://localhost:8188/x", "", 403},
		{"localhost:8188", "http://x@localhost:8188", "", 403},
		{"localhost:8188", "ftp://localhost:8188", "", 403},
		{"art.example.org", "https://art.example.org", "", 200}, // the proxy's name: it may speak TLS
		{"art.example.org", "http://art.example.org", "", 200},
		{"art.example.org:8443", "https://art.example.org:8443", "", 200},
		{"art.example.org", "https://art.example.org:8443", "", 403},
		{"localhost:8188", "https://studio.example.org", "", 200},
		{"localhost:8188", "https://studio.example.org:443", "", 200},
		{"localhost:8188", "https://studio.example.org:444", "", 403},
		{"localhost:8188", "http://studio.example.org", "", 403},
		{"evil.example", "http://evil.example", "", 403},
		{"localhost:8188", "", "cross-site", 403},
		{"localhost:8188", "", "same-origin", 200},
		{"localhost:8188", "", "none", 200},
	} {
		headers := []string{"Host", row.host}
		if row.origin != "" {
			headers = append(headers, "Origin", row.origin)
		}
		if row.site != "" {
			headers = append(headers, "Sec-Fetch-Site", row.site)
		}
		for _, method := range []string{"GET", "POST"} {
			status, header, text := call(t, method, web.URL+"/queue", "{}", headers...)
			if status != row.status {
				t.Errorf("%s %+v: %d %s", method, row, status, text)
			}
			if status == 403 {
				checkFailure(t, row.host+row.origin, header, text)
			}
		}
	}
	status, header, _ := call(t, "OPTIONS", web.URL+"/prompt", "", "Origin", "https://studio.example.org", "Access-Control-Request-Method", "POST")
	if status != 200 || header.Get("Access-Control-Allow-Origin") != "https://studio.example.org" || header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("preflight: %d %v", status, header)
	}
	if status, header, _ := call(t, "OPTIONS", web.URL+"/prompt", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST"); status != 403 || header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a stranger: %d %v", status, header)
	}
}

// TestNavigation: a page of another site may have a person come here, and may do nothing here.
func TestNavigation(t *testing.T) {
	_, web := start(t, newMemory(testNodes()))
	for _, row := range []struct {
		method, site, mode, dest string
		status                   int
	}{
		{"GET", "cross-site", "navigate", "document", 200},
		{"GET", "cross-site", "navigate", "", 200},
		{"HEAD", "cross-site", "navigate", "document", 200},
		{"POST", "cross-site", "navigate", "document", 403}, // a form
		{"DELETE", "cross-site", "navigate", "document", 403},
		{"PATCH", "cross-site", "navigate", "", 403},
		{"GET", "cross-site", "navigate", "iframe", 403},
		{"GET", "cross-site", "navigate", "object", 403},
		{"GET", "cross-site", "no-cors", "image", 403},
		{"GET", "cross-site", "", "", 403},
		{"GET", "same-site", "no-cors", "image", 200},
		{"POST", "same-site", "navigate", "document", 403},
		{"POST", "same-origin", "cors", "empty", 200},
		{"POST", "none", "navigate", "document", 200},
	} {
		headers := []string{"Sec-Fetch-Site", row.site}
		if row.mode != "" {
			headers = append(headers, "Sec-Fetch-Mode", row.mode)
		}
		if row.dest != "" {
			headers = append(headers, "Sec-Fetch-Dest", row.dest)
		}
		status, _, text := call(t, row.method, web.URL+"/queue", "{}", headers...)
		if (status == 403) != (row.status == 403) {
			t.Errorf("%+v: %d %s", row, status, text)
		}
	}
}

// TestToken: without it nothing is answered, and it comes in three ways.
func TestToken(t *testing.T) {
	s, web := start(t, newMemory(testNodes()), func(c *Config) { c.Listen, c.Token = "0.0.0.0:8188", token })
	for _, path := range []string{"/", "/app.js", "/queue", "/api/queue", "/metrics", "/ws", "/nothing"} {
		for _, headers := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", token}, {"Cookie", s.cookieName() + "=wrong"}} {
			if status, header, text := call(t, "GET", web.URL+path, "", headers...); status != 401 || header.Get("WWW-Authenticate") == "" || strings.Contains(text, token) {
				t.Errorf("GET %s with %v: %d %s", path, headers, status, text)
			}
		}
		basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
		for _, headers := range [][]string{{"Authorization", basic("user:wrong")}, {"Authorization", basic(token + ":")}, {"Authorization", "Basic " + token}, {"X-API-Key", "wrong"}, {"X-API-Key", ""}} {
			if status, _, _ := call(t, "GET", web.URL+path, "", headers...); status != 401 {
				t.Errorf("GET %s with %q: %d", path, headers, status)
			}
		}
		for _, headers := range [][]string{{"Authorization", "bearer " + token}, {"Authorization", basic("user:" + token)}, {"Authorization", basic(":" + token)}, {"X-API-Key", token}} {
			if status, _, _ := call(t, "GET", web.URL+path, "", headers...); status == 401 {
				t.Errorf("GET %s with %q: 401", path, headers[0])
			}
		}
		if status, _, _ := call(t, "GET", web.URL+path, "", "Authorization", "Bearer "+token); status == 401 {
			t.Errorf("GET %s with the token: 401", path)
		}
	}
	if status, _, _ := call(t, "GET", web.URL+"/queue?token="+token, ""); status != 200 {
		t.Errorf("with ?token=: %d", status)
	}
	// Any name will do: a stranger's page does not have the token.
	if status, _, _ := call(t, "GET", web.URL+"/queue?token="+token, "", "Host", "box.lan:8188"); status != 200 {
		t.Errorf("by another name: %d", status)
	}
	if status, _, _ := call(t, "GET", web.URL+"/queue?token="+token, "", "Host", "box.lan:8188", "Origin", "http://evil.example"); status != 403 {
		t.Errorf("from another page: %d", status)
	}
	// A browser opens the page with the token, and has a cookie from then on.
	status, header, _ := call(t, "GET", web.URL+"/?token="+token+"&open=demo", "")
	if status != http.StatusSeeOther || header.Get("Location") != "/?open=demo" {
		t.Fatalf("page: %d to %s", status, header.Get("Location"))
	}
	cookie, err := http.ParseSetCookie(header.Get("Set-Cookie"))
	if err != nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, token) {
		t.Fatalf("cookie: %v %v", cookie, err)
	}
	for _, path := range []string{"/", "/queue"} {
		if status, _, text := call(t, "GET", web.URL+path, "", "Cookie", cookie.Name+"="+cookie.Value); status != 200 {
			t.Errorf("%s with the cookie: %d %s", path, status, text)
		}
	}
	if status, _, text := call(t, "GET", web.URL+"/", "", "Accept", "text/html"); status != 401 || !strings.Contains(text, "<form") {
		t.Errorf("a browser without token: %d %s", status, text)
	}
}

func (s *Server) cookieName() string { return newGuard(s.config).cookie }

// TestConfigIsChecked: what would be unsafe does not start.
func TestConfigIsChecked(t *testing.T) {
	for _, row := range []struct {
		config Config
		want   string // empty: it is good
	}{
		{Config{}, ""},
		{Config{Listen: "localhost:0"}, ""},
		{Config{Listen: "[::1]:0"}, ""},
		{Config{Listen: "0.0.0.0:8188", Token: token}, ""},
		{Config{Listen: "0.0.0.0:8188"}, "give a token"},
		{Config{Listen: ":8188"}, "give a token"},
		{Config{Listen: "box.lan:8188"}, "give a token"},
		{Config{Listen: "8188"}, "not host:port"},
		{Config{Listen: "127.0.0.1:"}, "no port"},
		{Config{Token: "short"}, "at least 16"},
		{Config{Token: strings.Repeat(" ", 16)}, "no spaces"},
		{Config{Listen: "0.0.0.0:8188", Token: strings.Repeat(" \t", 10)}, "no spaces"},
		{Config{Token: token + "\n"}, "no spaces"},
		{Config{Token: " " + token}, "no spaces"},
		{Config{Token: "a token of some length"}, "no spaces"},
		{Config{Token: "ein-geheimes-Schlüsselwort"}, "ASCII alone"},
		{Config{Token: "a-token-of-some\x00-length"}, "ASCII alone"},
		{Config{Token: strings.Repeat("a", 40)}, "only 1 different"},
		{Config{Token: strings.Repeat("-a", 40)}, "only 2 different"},
		{Config{Token: "0123456789abcdef"}, ""},
		{Config{Token: "aB3+/=~!?&%#;.,:"}, ""},
		{Config{Origins: []string{"*"}}, "not of the form"},
		{Config{Origins: []string{"https://example.org/"}}, ""},
		{Config{Origins: []string{"https://example.org/page"}}, "not of the form"},
		{Config{Origins: []string{"example.org"}}, "not of the form"},
		{Config{Models: []string{"/no/such/folder"}}, "folder of models"},
	} {
		_, err := New(row.config, newMemory(nil))
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%+v: %v, want %q", row.config, err, row.want)
		}
	}
}

// TestListen: the address is told, also where the port was left to the system.
func TestListen(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0", Token: token}, newMemory(testNodes()))
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != "" {
		t.Errorf("URL before Listen is %s", s.URL())
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	if !strings.HasPrefix(s.PageURL(), "http://127.0.0.1:") || !strings.HasSuffix(s.PageURL(), "/?token="+token) {
		t.Errorf("PageURL is %s", s.PageURL())
	}
	if status, _, text := call(t, "GET", s.URL()+"prompt", "", "Authorization", "Bearer "+token); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	other, err := New(Config{Listen: strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/")}, newMemory(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Shutdown(t.Context())
	if err := other.Listen(); err == nil || !strings.Contains(err.Error(), "give another address") {
		t.Errorf("a second server on the address: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
