package comfyapi

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/store"
)

// listUserdata lists the files of a folder: as paths, as paths with their parts (split), or with all that is known (full_info).
func (s *Server) listUserdata(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	dir := query.Get("dir")
	if dir == "" {
		return wrong("dir is missing; give the folder to list")
	}
	user, err := s.user(r, http.StatusForbidden)
	if err != nil {
		return err
	}
	folder, ok := subfolder(dir)
	if !ok {
		return wrongStatus(http.StatusForbidden, "%s is no folder of yours", quoted(dir))
	}
	below := user + "/"
	if folder != "" {
		below += folder + "/"
	}
	entries, err := s.userdata.List(r.Context(), below)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return wrongStatus(http.StatusNotFound, "there is no folder %s", quoted(dir))
	}
	is := func(name string) bool { return strings.EqualFold(query.Get(name), "true") }
	list := []any{}
	for _, e := range entries {
		name := strings.TrimPrefix(e.Key, below)
		switch {
		case !is("recurse") && strings.Contains(name, "/"):
		case is("full_info"):
			list = append(list, infoOf(e, below))
		case is("split"):
			list = append(list, append([]string{name}, strings.Split(name, "/")...))
		default:
			list = append(list, name)
		}
	}
	answer(w, list)
	return nil
}

// userEntry is one file or folder of the newer list.
type userEntry struct {
	Name     string   `json:"name"`
	Path     string   `json:"path"`
	Type     string   `json:"type"`
	Size     *int64   `json:"size,omitempty"`
	Modified *float64 `json:"modified,omitempty"` // in seconds
}

// listUserdataV2 lists files and folders, all below the given one, folders first.
func (s *Server) listUserdataV2(w http.ResponseWriter, r *http.Request) error {
	user, err := s.user(r, http.StatusForbidden)
	if err != nil {
		return err
	}
	given := r.URL.Query().Get("path")
	if decoded, err := url.PathUnescape(given); err == nil {
		given = decoded
	}
	folder, ok := subfolder(given)
	if !ok {
		return wrong("%s is no folder of yours", quoted(given))
	}
	root := user + "/"
	below := root
	if folder != "" {
		below += folder + "/"
	}
	entries, err := s.userdata.List(r.Context(), below)
	if err != nil {
		return err
	}
	if len(entries) == 0 && folder != "" {
		if _, _, err := s.userdata.Get(r.Context(), root+folder); err == nil {
			return wrong("%s is a file; expected a folder", quoted(given))
		}
		return wrongStatus(http.StatusNotFound, "there is no folder %s", quoted(given))
	}
	answer(w, tree(entries, root, below))
	return nil
}

// tree lists the files and the folders that they are in, below a folder, with paths relative to the root.
func tree(entries []store.Entry, root, below string) []userEntry {
	list := []userEntry{}
	folders := map[string]bool{}
	for _, e := range entries {
		for dir := path.Dir(e.Key); len(dir) > len(below) && !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
			list = append(list, userEntry{Name: path.Base(dir), Path: strings.TrimPrefix(dir, root), Type: "directory"})
		}
		modified := float64(e.Modified.UnixMicro()) / 1e6
		list = append(list, userEntry{Name: path.Base(e.Key), Path: strings.TrimPrefix(e.Key, root), Type: "file", Size: &e.Size, Modified: &modified})
	}
	slices.SortStableFunc(list, func(a, b userEntry) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Path, b.Path))
	})
	return list
}
