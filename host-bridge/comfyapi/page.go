package comfyapi

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// page is the editor: a tree of files that does not change while the server lives.
type page struct {
	files fs.FS
	// tags are the ETags by name: embedded files have no time.
	tags map[string]string
}

const index = "index.html"

func newPage(files fs.FS) (*page, error) {
	p := &page{files: files, tags: map[string]string{}}
	if files == nil {
		return p, nil
	}
	return p, fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		p.tags[name] = `"` + hex.EncodeToString(sum[:12]) + `"`
		return nil
	})
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = index
	}
	tag, ok := p.tags[name]
	if !ok {
		if name == index {
			answer(w, map[string]string{"isac-host": "this is the API alone; no page was built in"})
			return nil
		}
		return wrongStatus(http.StatusNotFound, "there is no %s", quoted(r.URL.Path))
	}
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache") // ask each time, by the tag: an update of the host is an update of the page
	h.Set("Content-Security-Policy", "frame-ancestors 'self'")
	h.Set("Referrer-Policy", "same-origin")
	text, err := fs.ReadFile(p.files, name)
	if err != nil {
		return err
	}
	if kind := contentType(name); kind != "" {
		h.Set("Content-Type", kind)
	}
	serveBytes(w, r, text)
	return nil
}

// scripts are the files that ComfyUI's editor would load as extensions.
func (p *page) scripts() []string {
	found := []string{}
	if p.files == nil {
		return found
	}
	_ = fs.WalkDir(p.files, "extensions", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && path.Ext(name) == ".js" {
			found = append(found, "/"+name)
		}
		return nil
	})
	return found
}

// contentType goes by the name's ending alone, and does not depend on the machine for what a page needs.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".webp":
		return "image/webp"
	case ".gif":
		return "image/gif"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}
