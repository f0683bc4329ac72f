package comfyapi

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/store"
)

// fileInfo is one file of userdata with full_info; times are in milliseconds.
type fileInfo struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
	Created  int64  `json:"created"`
}

func infoOf(e store.Entry, below string) fileInfo {
	created := e.Created
	if created.IsZero() {
		created = e.Modified
	}
	return fileInfo{Path: strings.TrimPrefix(e.Key, below), Size: e.Size, Modified: e.Modified.UnixMilli(), Created: created.UnixMilli()}
}

// key is where a file of userdata is stored. As in ComfyUI its name is decoded once more, for there are clients that encode it twice.
func (s *Server) key(r *http.Request, name string) (user, key string, err error) {
	if user, err = s.user(r, http.StatusForbidden); err != nil {
		return "", "", err
	}
	if decoded, err := url.PathUnescape(name); err == nil {
		name = decoded
	}
	plain, ok := localPath(name)
	if !ok || strings.HasSuffix(name, "/") {
		return "", "", wrongStatus(http.StatusForbidden, "%s is no path of a file of yours; expected names joined by /", quoted(name))
	}
	return user, user + "/" + plain, nil
}

func (s *Server) getUserdata(w http.ResponseWriter, r *http.Request) error {
	_, key, err := s.key(r, r.PathValue("file"))
	if err != nil {
		return err
	}
	text, modified, err := s.userdata.Get(r.Context(), key)
	if err != nil {
		return s.noFile(r, err)
	}
	// What a client once sent must not run as a page of this server, whatever it is.
	kind, disposition := contentType(key), "attachment"
	if strings.HasSuffix(key, "/user.css") && strings.Count(key, "/") == 1 {
		disposition = "inline"
	} else if kind = harmless(kind, ""); kind == "" {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", called(disposition, path.Base(key)))
	h.Set("Cache-Control", "no-cache")
	h.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	serveBytes(w, r, text)
	return nil
}

func (s *Server) postUserdata(w http.ResponseWriter, r *http.Request) error {
	user, key, err := s.key(r, r.PathValue("file"))
	if err != nil {
		return err
	}
	text, err := body(w, r, s.config.Limits.UserdataBytes)
	if err != nil {
		return err
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	return s.put(w, r, user, key, text)
}

// put writes a file of userdata and answers with what it has become.
func (s *Server) put(w http.ResponseWriter, r *http.Request, user, key string, text []byte) error {
	query := r.URL.Query()
	write := s.userdata.Put
	if query.Get("overwrite") == "false" {
		write = s.userdata.Create
	}
	below := user + "/"
	if err := s.fits(r, below, key); err != nil {
		return err
	}
	if err := write(r.Context(), key, text); errors.Is(err, fs.ErrExist) {
		return wrongStatus(http.StatusConflict, "%s is there already; allow it with overwrite=true", quoted(strings.TrimPrefix(key, below)))
	} else if err != nil {
		return err
	}
	if !strings.EqualFold(query.Get("full_info"), "true") {
		answer(w, strings.TrimPrefix(key, below))
		return nil
	}
	entries, err := s.userdata.List(r.Context(), key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Key == key {
			answer(w, infoOf(e, below))
			return nil
		}
	}
	return s.noFile(r, fs.ErrNotExist) // deleted by another server of the same store
}

// fits says what stands in the way of a file: a folder of its name, or a file where it needs a folder. The store would take both,
// and whoever lists them would not know what to make of it.
func (s *Server) fits(r *http.Request, below, key string) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(key, below), "/")
	entries, err := s.userdata.List(r.Context(), below+first)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Key, key+"/") {
			return wrong("%s is a folder; give the file another name", quoted(strings.TrimPrefix(key, below)))
		}
		if strings.HasPrefix(key, e.Key+"/") {
			return wrong("%s is a file, no folder", quoted(strings.TrimPrefix(e.Key, below)))
		}
	}
	return nil
}

func (s *Server) deleteUserdata(w http.ResponseWriter, r *http.Request) error {
	_, key, err := s.key(r, r.PathValue("file"))
	if err != nil {
		return err
	}
	if err := s.userdata.Delete(r.Context(), key); err != nil {
		return s.noFile(r, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) moveUserdata(w http.ResponseWriter, r *http.Request) error {
	_, from, err := s.key(r, r.PathValue("file"))
	if err != nil {
		return err
	}
	user, to, err := s.key(r, r.PathValue("dest"))
	if err != nil {
		return err
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	text, _, err := s.userdata.Get(r.Context(), from)
	if err != nil {
		return s.noFile(r, err)
	}
	// First the new one, then without the old one: whatever happens in between, nothing is lost.
	answered := &held{ResponseWriter: w}
	if err := s.put(answered, r, user, to, text); err != nil {
		return err
	}
	if from != to {
		if err := s.userdata.Delete(r.Context(), from); err != nil && !notThere(err) {
			return err
		}
	}
	answered.release()
	return nil
}

func (s *Server) noFile(r *http.Request, err error) error {
	if notThere(err) {
		return wrongStatus(http.StatusNotFound, "there is no file %s", quoted(r.PathValue("file")))
	}
	return err
}

// held keeps an answer until what it says is done.
type held struct {
	http.ResponseWriter
	status int
	text   []byte
}

func (h *held) WriteHeader(status int) { h.status = status }

func (h *held) Write(p []byte) (int, error) {
	h.text = append(h.text, p...)
	return len(p), nil
}

func (h *held) release() {
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.text)
}
