package torch

/*
#cgo !windows LDFLAGS: -ldl
#include "isac_call.h"
#cgo nocallback isac_load
*/
import "C"

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// ShimEnv is the environment variable that names the library's path, before every other place.
const ShimEnv = "ISAC_TORCH_SHIM"

var (
	ready    atomic.Bool // the library is loaded
	loading  sync.Mutex
	loadErr  error  // of the first try; dlopen is not tried twice
	loadPath string // where the library is
)

// ensure makes sure that the library is loaded; operations call it first.
func ensure() {
	if ready.Load() {
		return
	}
	if err := Load(""); err != nil {
		var e *Error
		if errors.As(err, &e) {
			panic(e)
		}
		panic(&Error{Kind: KindLoad, Op: "load", Message: err.Error()})
	}
}

// Load opens libisactorch.so at path. An empty path means the first that exists of: $ISAC_TORCH_SHIM; next to the executable, in
// its lib folder, and in ../lib; and for `go test` and `go run`, build/lib in the module of the working directory.
//
// Operations call Load("") themselves; a main calls it first to report the error in its own way. It sets OMP_WAIT_POLICY=passive
// and, with pip's libtorch, GOMP_SPINCOUNT, unless they are set, raises glibc's allocation thresholds, and gives libtorch a thread for every CPU (or OMP_NUM_THREADS). The
// returned error is an *Error of KindLoad or KindABI that says what to do. A library cannot be unloaded or exchanged: once
// loaded, Load returns nil for an empty or the same path.
func Load(path string) error {
	loading.Lock()
	defer loading.Unlock()
	if ready.Load() {
		if path == "" || same(path, loadPath) {
			return nil
		}
		return &Error{Kind: KindLoad, Op: "load", Message: fmt.Sprintf("%s is loaded already, %s cannot be loaded as well", loadPath, path)}
	}
	if path == "" && loadErr != nil {
		return loadErr
	}
	err := load(path)
	if path == "" {
		loadErr = err
	}
	return err
}

func load(path string) error {
	if path == "" {
		found, tried := find()
		if found == "" {
			return &Error{Kind: KindLoad, Op: "load", Message: fmt.Sprintf("%s not found; run `make shim`, or set %s to its path (looked at %s)",
				LibraryName, ShimEnv, strings.Join(tried, ", "))}
		}
		path = found
	}
	if _, err := os.Stat(path); err != nil {
		return &Error{Kind: KindLoad, Op: "load", Message: fmt.Sprintf("cannot open %s: it does not exist; run `make shim`, or set %s to the library's path", path, ShimEnv)}
	}
	setWaiting(path)
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	r := C.isac_load(cpath)
	if r.mismatch != 0 {
		return &Error{Kind: KindABI, Op: "load", Message: fmt.Sprintf("%s was built for another version of isac/torch (ABI %016x, this program needs %016x); run `make shim`",
			path, uint64(r.abi), uint64(C.ISAC_TORCH_ABI))}
	}
	if r.err != nil {
		defer C.free(unsafe.Pointer(r.err))
		return &Error{Kind: KindLoad, Op: "load", Message: fmt.Sprintf("cannot open %s: %s; run `make shim` against the libtorch of this machine (LIBTORCH=..., PYTHON=...)",
			path, strings.TrimPrefix(C.GoString(r.err), path+": "))}
	}
	loadPath = path
	if r.path != nil {
		loadPath = C.GoString(r.path)
		C.free(unsafe.Pointer(r.path))
	}
	if e := C.isac_init(C.int64_t(threads())).err; e != nil {
		return takeError(e)
	}
	ready.Store(true)
	return nil
}

// threads is how many threads libtorch gets: OMP_NUM_THREADS, else the CPUs that this process may use.
func threads() int {
	if n, err := strconv.Atoi(os.Getenv("OMP_NUM_THREADS")); err == nil && n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0) // knows of affinity and of a container's CPU limit
}

// find returns the first library that exists, and where it looked.
func find() (found string, tried []string) {
	if path := os.Getenv(ShimEnv); path != "" {
		return path, nil
	}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		tried = append(tried, filepath.Join(dir, LibraryName), filepath.Join(dir, "lib", LibraryName), filepath.Join(dir, "..", "lib", LibraryName))
		if root := moduleRoot(); root != "" && temporary(exe) {
			tried = append(tried, filepath.Join(root, "build", "lib", LibraryName))
		}
	}
	for _, path := range tried {
		if _, err := os.Stat(path); err == nil {
			return path, tried
		}
	}
	return "", tried
}

// temporary reports whether the executable was made by `go test` or `go run`.
func temporary(exe string) bool {
	return flag.Lookup("test.v") != nil || strings.HasSuffix(exe, ".test") || strings.Contains(exe, string(filepath.Separator)+"go-build")
}

// moduleRoot is the nearest folder with a go.mod, from the working directory upwards.
func moduleRoot() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
