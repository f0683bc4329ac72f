package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// RuntimeEnv is the environment variable that names ONNX Runtime's library, or the folder that it is in, before every other place.
const RuntimeEnv = "ISAC_ONNXRUNTIME"

// oldest is the first ONNX Runtime with the interface (24) that onnxruntime_go is compiled for. Later ones still serve it.
const oldest = "1.24"

const advice = "`pip install \"onnxruntime>=" + oldest + "\"` contains it (onnxruntime/capi/libonnxruntime.so.*); " + RuntimeEnv + " may name the file or its folder"

var library struct {
	sync.Mutex
	path string // of the library in use
}

// Runtime opens ONNX Runtime's shared library at path, a file or a folder that holds it. An empty path means the first that opens of:
// $ISAC_ONNXRUNTIME (and nothing else if it is set); beside the executable, in its lib folder, and in ../lib; the onnxruntime package
// of the active Python environment, of .venv in the working directory and in the folders above it, of the user and of the system;
// the system's library folders.
//
// Opening a detector calls Runtime(""); a main calls it first to report the error in its own way. A library cannot be exchanged:
// once one is open, Runtime returns nil for an empty or the same path, and an error for another. It does not keep an error: one can
// install the library and try again.
func Runtime(path string) error {
	library.Lock()
	defer library.Unlock()
	if library.path != "" {
		if path == "" || slices.ContainsFunc(libraries(path), func(p string) bool { return same(p, library.path) }) {
			return nil
		}
		return fmt.Errorf("%s is open already as ONNX Runtime, %s cannot be opened as well", library.path, path)
	}
	given := path
	if given == "" {
		given = os.Getenv(RuntimeEnv)
	}
	if given != "" {
		return first(libraries(given), fmt.Errorf("no ONNX Runtime library at %s; %s", given, advice))
	}
	var candidates []string
	for _, folder := range places() {
		candidates = append(candidates, libraries(folder)...)
	}
	return first(candidates, fmt.Errorf("no ONNX Runtime library found, which detectors in ONNX files need; %s", advice))
}

// RuntimeVersion is the version of the library in use, "1.32.0", or "" before Runtime.
func RuntimeVersion() string {
	library.Lock()
	defer library.Unlock()
	if library.path == "" {
		return ""
	}
	return ort.GetVersion()
}

// first opens the first candidate that can be opened. With none at all, missing is the error.
func first(candidates []string, missing error) error {
	if len(candidates) == 0 {
		return missing
	}
	var failed []error
	for _, path := range candidates {
		err := open(path)
		if err == nil {
			library.path = path
			return nil
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func open(path string) error {
	ort.SetSharedLibraryPath(path)
	err := ort.InitializeEnvironment()
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "ORT API base"):
		return fmt.Errorf("cannot use %s: it is older than ONNX Runtime %s; %s", path, oldest, advice)
	}
	return fmt.Errorf("cannot open %s as ONNX Runtime: %w; %s", path, err, advice)
}

// libraries gives the libraries at a path: itself where it is no folder, else what lies in it, the newest name first.
func libraries(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if !info.IsDir() {
		return []string{path}
	}
	var found []string
	for _, pattern := range []string{"libonnxruntime.so*", "libonnxruntime.*dylib"} {
		names, _ := filepath.Glob(filepath.Join(path, pattern))
		slices.Sort(names)
		slices.Reverse(names)
		found = append(found, names...)
	}
	return found
}

// places are the folders to look in.
func places() []string {
	var list []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		list = append(list, dir, filepath.Join(dir, "lib"), filepath.Join(dir, "..", "lib"))
	}
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if prefix := os.Getenv(name); prefix != "" {
			list = append(list, packages(prefix)...)
		}
	}
	if dir, err := os.Getwd(); err == nil {
		for ; ; dir = filepath.Dir(dir) {
			list = append(list, packages(filepath.Join(dir, ".venv"))...)
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		list = append(list, packages(filepath.Join(home, ".local"))...)
	}
	list = append(list, packages("/usr/local")...)
	list = append(list, packages("/usr")...)
	list = append(list, "/usr/local/lib", "/usr/lib", "/opt/homebrew/lib")
	multiarch, _ := filepath.Glob("/usr/lib/*-linux-gnu")
	return append(list, multiarch...)
}

// packages are the folders of the Python package below a prefix. Debian's pythons install into dist-packages.
func packages(prefix string) []string {
	var list []string
	for _, site := range []string{"site-packages", "dist-packages"} {
		found, _ := filepath.Glob(filepath.Join(prefix, "lib", "python3*", site, "onnxruntime", "capi"))
		list = append(list, found...)
	}
	return list
}

func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
