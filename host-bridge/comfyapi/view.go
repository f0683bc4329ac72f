package comfyapi

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// reference is one file that a client names.
type reference struct {
	kind, subfolder, name string
}

// readReference reads filename, type and subfolder. The status of its error is ComfyUI's.
func readReference(filename, kind, folder string) (reference, error) {
	ref := reference{kind: "output"}
	name, marked := annotated(filename)
	switch {
	case name == "":
		return ref, wrong("filename is missing; give the name of a file")
	case strings.HasPrefix(name, "/") || strings.Contains(name, ".."):
		return ref, wrong("filename %s begins with / or holds ..", quoted(filename))
	case marked != "":
		ref.kind = marked
	case kind != "":
		ref.kind = kind
	}
	if !isKind(ref.kind) {
		return ref, wrong("type is %s; expected output, input or temp", quoted(ref.kind))
	}
	var ok bool
	if ref.subfolder, ok = subfolder(folder); !ok {
		return ref, wrongStatus(http.StatusForbidden, "subfolder %s leads out of the folder of %s files", quoted(folder), ref.kind)
	}
	if ref.name = path.Base(name); !localName(ref.name) {
		return ref, wrong("filename %s is no name of a file", quoted(filename))
	}
	return ref, nil
}

func (s *Server) open(ctx context.Context, ref reference) (io.ReadSeekCloser, time.Time, error) {
	file, modified, err := s.queue.Files().Open(ctx, ref.kind, ref.subfolder, ref.name)
	if errors.Is(err, fs.ErrInvalid) {
		return nil, modified, wrong("%v", err)
	}
	if notThere(err) || leadsNowhere(err) {
		return nil, modified, wrongStatus(http.StatusNotFound, "there is no %s file %s", ref.kind, quoted(path.Join(ref.subfolder, ref.name)))
	}
	return file, modified, err
}

// view gives a file: as it is, smaller for a preview, or one channel of it.
func (s *Server) view(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	if !query.Has("filename") {
		return wrongStatus(http.StatusNotFound, "filename is missing; give the name of a file")
	}
	ref, err := readReference(query.Get("filename"), query.Get("type"), query.Get("subfolder"))
	if err != nil {
		return err
	}
	file, modified, err := s.open(r.Context(), ref)
	if err != nil {
		return err
	}
	defer file.Close()
	channel := query.Get("channel")
	if query.Has("preview") || channel == "rgb" || channel == "a" {
		return s.viewPicture(w, r, ref, file)
	}
	kind, disposition := harmless(contentType(ref.name), r.Header.Get("Sec-Fetch-Dest")), "inline"
	if kind == "" {
		kind = "application/octet-stream"
		if contentType(ref.name) != "" {
			disposition = "attachment"
		}
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", called(disposition, ref.name))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // where it is opened as a document
	h.Set("Cache-Control", "no-cache")                                                         // a name can be written again; ask by its time
	h.Set("Vary", "Sec-Fetch-Dest")
	http.ServeContent(w, r, "", modified, file)
	return nil
}

// harmless keeps a content type that cannot run as a page of this server; of others it gives nothing. A drawing may hold a script,
// which runs where it is opened as a document, but not where a page shows it as an image.
func harmless(kind, dest string) string {
	base, _, _ := mime.ParseMediaType(kind)
	switch {
	case base == "image/svg+xml":
		if dest == "image" {
			return kind
		}
		return ""
	case strings.HasPrefix(base, "image/"), strings.HasPrefix(base, "video/"), strings.HasPrefix(base, "audio/"),
		base == "text/plain", base == "application/json", base == "application/pdf":
		return kind
	}
	return ""
}

// viewPicture gives a picture in another form: as ComfyUI does, preview is WebP or JPEG, and a channel alone PNG. The WebP is lossless, for
// lossy ones there is no kept encoder without C; a very large picture becomes JPEG, or PNG where it is not opaque. The content type tells.
func (s *Server) viewPicture(w http.ResponseWriter, r *http.Request, ref reference, file io.ReadSeeker) error {
	query := r.URL.Query()
	var out []byte
	kind := "image/png"
	each := int64(bytesPerPixel)
	if format, _ := previewOf(query.Get("preview"), query.Get("channel")); query.Has("preview") && format == "webp" {
		each = webpBytesPerPixel
	}
	err := s.withPictures(r.Context(), each, func(images []image.Image) (err error) {
		if out, kind, err = inAnotherForm(images[0], query); err != nil { // there are shapes of pictures that only some formats take
			return wrongStatus(http.StatusUnsupportedMediaType, "%s cannot be shown in this form: %v", quoted(ref.name), err)
		}
		return nil
	}, func(_ int, err error) error {
		return wrongStatus(http.StatusUnsupportedMediaType, "%s cannot be read as an image: %v", quoted(ref.name), err)
	}, file)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(out)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", called("inline", ref.name))
	h.Set("Cache-Control", "no-cache")
	_, err = w.Write(out)
	if err != nil {
		return nil // the client has left
	}
	return nil
}

// inAnotherForm gives a picture as a query wants it, and its content type.
func inAnotherForm(img image.Image, query url.Values) (out []byte, kind string, err error) {
	kind = "image/png"
	channel := query.Get("channel")
	switch {
	case query.Has("preview"):
		format, quality := previewOf(query.Get("preview"), channel)
		switch {
		case channel == "rgb" || format == "jpeg":
			img = withoutAlpha(img)
		case channel == "a":
			img = alphaAlone(img)
		}
		return compress(img, format, quality)
	case channel == "rgb":
		out, err = encodePNG(withoutAlpha(img))
	default:
		out, err = encodePNG(alphaAlone(img))
	}
	return out, kind, err
}

// called gives a Content-Disposition with the name of the file. As in ComfyUI a plain name is in quotes: there are clients that look
// for them.
func called(disposition, name string) string {
	for _, r := range name {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return mime.FormatMediaType(disposition, map[string]string{"filename": name})
		}
	}
	return disposition + `; filename="` + name + `"`
}

// previewOf reads "webp;90" or "jpeg;80". What is neither is WebP, and so is whatever has alpha.
func previewOf(text, channel string) (format string, quality int) {
	parts := strings.Split(text, ";")
	format = "webp"
	if parts[0] == "jpeg" && !strings.Contains(channel, "a") {
		format = "jpeg"
	}
	quality = 90
	if n, err := strconv.Atoi(parts[len(parts)-1]); err == nil {
		quality = min(max(n, 1), 100)
	}
	return format, quality
}

// serveBytes answers with a text that is in memory; the caller has set the headers.
func serveBytes(w http.ResponseWriter, r *http.Request, text []byte) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

var errTooLarge = errors.New("it is too large")
