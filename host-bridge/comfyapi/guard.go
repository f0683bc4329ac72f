package comfyapi

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// guard is what every request has to pass: the name it asks for, the page it comes from, and the token.
type guard struct {
	loopback bool
	hosts    []string
	origins  []origin
	token    string
	// cookie and pass are the name and the value of the cookie that stands for the token. The name differs by token, for browsers do
	// not keep the cookies of two ports apart.
	cookie, pass string
}

func newGuard(c Config) *guard {
	host, _, _ := net.SplitHostPort(c.Listen)
	g := &guard{loopback: isLoopback(host), token: c.Token}
	for _, h := range c.Hosts {
		g.hosts = append(g.hosts, strings.ToLower(h))
	}
	for _, text := range c.Origins {
		if o, ok := parseOrigin(strings.TrimSuffix(text, "/")); ok {
			g.origins = append(g.origins, o)
		}
	}
	if c.Token != "" {
		mac := hmac.New(sha256.New, []byte(c.Token))
		mac.Write([]byte("isac-host: the cookie of a page"))
		sum := hex.EncodeToString(mac.Sum(nil))
		g.cookie, g.pass = "isac-"+sum[:8], sum[8:]
	}
	return g
}

// wrap puts the guard before a handler.
func (g *guard) wrap(next http.Handler) http.Handler {
	withToken := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.token == "" || g.known(w, r) {
			next.ServeHTTP(w, r)
		}
	})
	// Outside of the token: a browser asks beforehand whether a page may, and cannot give a token with that. Methods and headers are those
	// that ComfyUI allows.
	shared := cors.New(cors.Options{
		AllowOriginFunc:      g.shares,
		AllowedMethods:       []string{"POST", "GET", "DELETE", "PUT", "OPTIONS", "PATCH"},
		AllowedHeaders:       []string{"Content-Type", "Authorization", "Comfy-User", "X-API-Key"},
		AllowCredentials:     true,
		OptionsSuccessStatus: http.StatusOK,
	}).Handler(withToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := g.stranger(r); why != "" {
			fail(w, http.StatusForbidden, "forbidden", why)
			return
		}
		shared.ServeHTTP(w, r)
	})
}

// shares says whether pages of another server may use this one.
func (g *guard) shares(text string) bool {
	from, ok := parseOrigin(text)
	return ok && slices.Contains(g.origins, from)
}

// stranger says why a request is none that this server answers; empty where it is one.
func (g *guard) stranger(r *http.Request) string {
	host, _ := splitHost(r.Host)
	if g.loopback && !isLoopback(host) && !slices.Contains(g.hosts, host) {
		// A web page can have its own name point to 127.0.0.1. Its requests would then come from one origin with this server.
		return "this server listens on the loopback interface, and was asked for as " + quoted(r.Host) +
			"; ask for localhost or 127.0.0.1, or allow the name (--host)"
	}
	from := r.Header.Get("Origin")
	switch {
	case from == "" && fromElsewhere(r):
		return "a web page of another site asked for this"
	case from == "", g.shares(from), g.own(r, from):
		return ""
	}
	return "the web page at " + quoted(from) + " is not this server's; allow it with --origin if it should use this server, or name the proxy " +
		"before this server with --host"
}

// fromElsewhere says whether a request without an Origin comes from a page of another site. Such a page may only have a person come
// here: as a page of its own, and with a method that changes nothing. Browsers older than these headers get no further than ComfyUI
// lets them.
func fromElsewhere(r *http.Request) bool {
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site":
		dest := r.Header.Get("Sec-Fetch-Dest")
		return changes || r.Header.Get("Sec-Fetch-Mode") != "navigate" || dest != "" && dest != "document"
	case "same-site": // another port or name of this site: its pages may show what is here
		return changes
	}
	return false
}

// own says whether an origin is the server itself, as the request names it: scheme, name and port are one. A name given with --host is
// that of a proxy, which may speak TLS where this server does not.
func (g *guard) own(r *http.Request, text string) bool {
	from, ok := parseOrigin(text)
	if !ok {
		return false
	}
	scheme := "http"
	if host, _ := splitHost(r.Host); r.TLS != nil {
		scheme = "https"
	} else if slices.Contains(g.hosts, host) {
		scheme = from.scheme
	}
	asked, ok := parseOrigin(scheme + "://" + r.Host)
	return ok && asked == from
}

// shown says whether the headers hold the token: as a bearer's, as the password of whatever user, or as an API key. Clients of ComfyUI have one
// or another of these. Browsers are not asked for a password: they would send it with what other pages ask of this server.
func (g *guard) shown(r *http.Request) bool {
	if scheme, bearer, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") && same(strings.TrimSpace(bearer), g.token) {
		return true
	}
	if _, password, ok := r.BasicAuth(); ok && same(password, g.token) {
		return true
	}
	return same(r.Header.Get("X-API-Key"), g.token)
}

// known looks for the token; where there is none it has answered.
func (g *guard) known(w http.ResponseWriter, r *http.Request) bool {
	if g.shown(r) {
		return true
	}
	if same(r.URL.Query().Get("token"), g.token) {
		if isPage(r) {
			http.SetCookie(w, &http.Cookie{Name: g.cookie, Value: g.pass, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
				Secure: r.TLS != nil})
			// The token shall not stay in the address line, from where it gets into bookmarks and screenshots.
			q := r.URL.Query()
			q.Del("token")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			http.Redirect(w, r, (&url.URL{Path: "/", RawQuery: q.Encode()}).String(), http.StatusSeeOther)
			return false
		}
		return true
	}
	if c, err := r.Cookie(g.cookie); err == nil && same(c.Value, g.pass) {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="isac-host"`)
	w.Header().Set("Cache-Control", "no-store")
	if isPage(r) && strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
		w.WriteHeader(http.StatusUnauthorized)
		_ = askForToken.Execute(w, nil) // whoever left needs no answer
		return false
	}
	fail(w, http.StatusUnauthorized, "unauthorized",
		"this server wants its token: send it as \"Authorization: Bearer TOKEN\", as \"X-API-Key: TOKEN\" or as the password of Basic authentication, or open the page with ?token=TOKEN")
	return false
}

func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/" || r.URL.Path == "/index.html")
}

func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// splitHost gives the name and the port of a Host header, in lower case; no port where none is given.
func splitHost(hostport string) (host, port string) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host, port = hostport, ""
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), "."), port
}

// origin is where a page comes from, in lower case and with its port.
type origin struct{ scheme, host, port string }

// parseOrigin reads an Origin header; ok is false where it is not scheme://host or scheme://host:port alone.
func parseOrigin(text string) (o origin, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return origin{}, false
	}
	o.scheme = strings.ToLower(u.Scheme)
	known, ok := map[string]string{"http": "80", "https": "443"}[o.scheme]
	o.host, o.port = splitHost(u.Host)
	o.port = cmp.Or(o.port, known)
	return o, ok && o.host != ""
}

var askForToken = template.Must(template.New("token").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>isac-host</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:100vh;margin:0}
form{display:grid;gap:.75rem;width:min(24rem,90vw)}input,button{font:inherit;padding:.5rem .75rem}</style>
<form action="/" method="get"><label for="token">This server wants its token. It printed one when it was started.</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required><button>Open</button></form></html>
`))
