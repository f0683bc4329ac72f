package comfyapi

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/isac-guidance/isac/host-bridge/store"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// maxHeader is the longest header of a .safetensors file that is read for its metadata, as in ComfyUI.
const maxHeader = 1 << 20

// safetensorsHeader reads the JSON at the beginning of a file: eight bytes say how long it is.
func safetensorsHeader(name string) ([]byte, error) {
	f, _, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var length uint64
	if err := binary.Read(f, binary.LittleEndian, &length); err != nil {
		return nil, err
	}
	if length > maxHeader {
		return nil, fmt.Errorf("%s: its header would have %d bytes; at most %d are read", name, length, maxHeader)
	}
	header := make([]byte, length)
	_, err = io.ReadFull(f, header)
	return header, err
}

// readSmall reads a regular file of at most so many bytes.
func readSmall(name string, most int64) ([]byte, error) {
	f, info, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", name, info.Size(), most)
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// openRegular opens a plain file. What is none is refused before it is opened: opening a pipe would wait for who writes to it.
func openRegular(name string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no plain file", name)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // should a pipe take its place just now
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// folderPaths says where files are looked for.
func (s *Server) folderPaths(w http.ResponseWriter, _ *http.Request) error {
	paths := map[string][]string{}
	tree := s.tree()
	for _, folder := range modelfolder.Kinds() {
		paths[folder] = append([]string{}, tree.Folders(folder)...)
	}
	answer(w, paths)
	return nil
}

// listFiles gives the names of the files of a kind, the newest first.
func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) error {
	kind := r.PathValue("kind")
	if !isKind(kind) {
		return wrong("there are no %s files; expected output, input or temp", quoted(kind))
	}
	list, err := s.queue.Files().List(r.Context(), kind)
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b store.FileInfo) int { return cmp.Compare(b.Modified.UnixNano(), a.Modified.UnixNano()) })
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = path.Join(f.Subfolder, f.Name)
	}
	answer(w, names)
	return nil
}
