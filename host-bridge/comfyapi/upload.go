package comfyapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// upload is a form with a file.
type upload struct {
	data      []byte
	ref       reference
	overwrite bool
	// original is the file whose colours a mask goes to.
	original string
}

// maxField bounds a field of a form that is not the file.
const maxField = 64 << 10

func (s *Server) uploadImage(w http.ResponseWriter, r *http.Request) error {
	return s.upload(w, r, func(_ context.Context, u *upload) ([]byte, error) { return u.data, nil })
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request, content func(context.Context, *upload) ([]byte, error)) error {
	place := &uploadPlace{of: s.uploads, patience: s.config.Limits.UploadWait}
	defer place.leave()
	u, err := readUpload(w, r, s.config.Limits.UploadBytes, place)
	if err != nil {
		return err
	}
	data, err := content(r.Context(), u)
	if err != nil {
		return err
	}
	name, err := s.save(r.Context(), u, data)
	if err != nil {
		return err
	}
	answer(w, map[string]string{"name": name, "subfolder": u.ref.subfolder, "type": u.ref.kind})
	return nil
}

func readUpload(w http.ResponseWriter, r *http.Request, limit int64, place *uploadPlace) (*upload, error) {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, wrong("the body is no form with a file (multipart/form-data with a file named \"image\"): %v", err)
	}
	u := &upload{}
	fields := map[string]string{}
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return u, u.finish(fields)
		case err != nil:
			return nil, uploadError(err, limit)
		case parts > 100:
			return nil, wrong("the form has more than 100 parts")
		}
		if part.FormName() == "image" {
			err = u.readFile(r.Context(), part, place)
		} else {
			var text []byte
			if text, err = io.ReadAll(io.LimitReader(part, maxField+1)); len(text) > maxField {
				return nil, wrong("the field %s of the form has more than %s", quoted(part.FormName()), bytesText(maxField))
			}
			fields[part.FormName()] = string(text)
		}
		if err != nil {
			return nil, uploadError(err, limit)
		}
	}
}

func (u *upload) readFile(ctx context.Context, part *multipart.Part, place *uploadPlace) (err error) {
	// Part.FileName would give the last part of a name that leads out as if it were a plain one.
	_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	given := strings.ReplaceAll(params["filename"], `\`, "/")
	switch {
	case given == "":
		return wrong("the file \"image\" of the form has no name")
	case slices.Contains(strings.Split(given, "/"), ".."):
		return wrong("%s is no name of a file: it holds ..", quoted(given))
	}
	u.ref.name = path.Base(given) // browsers and libraries differ in whether they give the path of the file
	if u.data, err = io.ReadAll(io.LimitReader(part, smallUpload)); err != nil || len(u.data) < smallUpload {
		return err
	}
	if err := place.take(ctx); err != nil {
		return err
	}
	all := bytes.NewBuffer(u.data)
	_, err = all.ReadFrom(part)
	u.data = all.Bytes()
	return err
}

func uploadError(err error, limit int64) error {
	var large *http.MaxBytesError
	var own *wrongError
	switch {
	case errors.As(err, &large):
		return wrongStatus(http.StatusRequestEntityTooLarge, "the upload is larger than %s, the most that is taken", bytesText(limit))
	case errors.As(err, &own), errors.Is(err, context.Canceled):
		return err
	}
	return wrong("the form could not be read: %v", err)
}

func (u *upload) finish(fields map[string]string) error {
	if u.ref.name == "" {
		return wrong("the form has no file named \"image\"")
	}
	if !localName(u.ref.name) {
		return wrong("%s is no name of a file", quoted(u.ref.name))
	}
	if u.ref.kind = fields["type"]; u.ref.kind == "" {
		u.ref.kind = "input"
	}
	if !isKind(u.ref.kind) {
		return wrong("type is %s; expected input, output or temp", quoted(u.ref.kind))
	}
	var ok bool
	if u.ref.subfolder, ok = subfolder(fields["subfolder"]); !ok {
		return wrong("subfolder %s leads out of the folder of %s files", quoted(fields["subfolder"]), u.ref.kind)
	}
	// What the store would refuse.
	if err := graph.CheckName(plugin.File{Type: "output", Subfolder: u.ref.subfolder, Name: strings.ReplaceAll(u.ref.name, "%", "%%")}); err != nil {
		return wrong("%v", err)
	}
	u.overwrite = fields["overwrite"] == "true" || fields["overwrite"] == "1"
	u.original = fields["original_ref"]
	return nil
}

// save writes the file under its name, or under the next one that is free. It gives the name.
func (s *Server) save(ctx context.Context, u *upload, data []byte) (string, error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	ref, there := u.ref, false
	var err error
	if u.overwrite {
		_, err = s.holds(ctx, ref, nil)
	} else {
		ref.name, there, err = s.freeName(ctx, u.ref, data)
	}
	if there || err != nil && !notThere(err) {
		return ref.name, err
	}
	// A name of Files may hold a counter; this one is meant as it stands.
	_, err = s.queue.Files().Write(ctx, ref.kind, []plugin.File{{
		Name: strings.ReplaceAll(ref.name, "%", "%%"), Subfolder: ref.subfolder, Type: ref.kind, Data: data,
	}})
	if leadsNowhere(err) && !errors.Is(err, fs.ErrPermission) { // a folder that must not be written into is this server's matter
		return "", noPlace(ref)
	}
	return ref.name, err
}

// noPlace is the error about a name that no file can have.
func noPlace(ref reference) error {
	return wrong("no file can lie at %s: it is a folder, or a part of it is a file or a link; give another name or subfolder", quoted(path.Join(ref.subfolder, ref.name)))
}

// freeName gives the name itself, or the first of "cat (1).png", "cat (2).png" and so on that no other file has. there: a file of
// that name has this content already.
func (s *Server) freeName(ctx context.Context, ref reference, data []byte) (name string, there bool, err error) {
	stem, ending := stemOf(ref.name)
	for i := 1; ; i++ {
		equal, err := s.holds(ctx, ref, data)
		if notThere(err) {
			return ref.name, false, nil
		}
		if err != nil || equal {
			return ref.name, equal, err
		}
		taken := ref.name
		if ref.name = fmt.Sprintf("%s (%d)%s", stem, i, ending); i > 10_000 || !localName(ref.name) {
			return "", false, wrong("%s is there with another content, and no name like it is left; give the file another name", quoted(taken))
		}
	}
}

// holds says whether a file has this content; fs.ErrNotExist where there is none.
func (s *Server) holds(ctx context.Context, ref reference, data []byte) (bool, error) {
	file, _, err := s.queue.Files().Open(ctx, ref.kind, ref.subfolder, ref.name)
	if leadsNowhere(err) {
		return false, noPlace(ref)
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	there, err := io.ReadAll(io.LimitReader(file, int64(len(data))+1))
	return bytes.Equal(there, data), err
}
