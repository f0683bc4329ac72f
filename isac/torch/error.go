package torch

/*
#include "isac_call.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// Kind says what sort of thing went wrong.
type Kind string

// The kinds of Error.
const (
	KindTorch          Kind = "torch"           // libtorch refused: shapes, arguments, dtypes
	KindIndex          Kind = "index"           // an index or dimension out of range
	KindValue          Kind = "value"           // an argument of a wrong value
	KindType           Kind = "type"            // an argument of a wrong type, an unknown dtype
	KindNotImplemented Kind = "not_implemented" // this libtorch has no such kernel (fp16 on an old CPU build)
	KindMemory         Kind = "memory"          // the CPU's memory is exhausted
	KindCUDAMemory     Kind = "cuda_memory"     // the GPU's memory is exhausted: end the scope, EmptyCache, try smaller
	KindCUDA           Kind = "cuda"            // any other CUDA error; the process's CUDA context is unusable from now on
	KindHandle         Kind = "handle"          // use of a closed or undefined tensor
	KindGrad           Kind = "grad"            // a gradient that does not exist
	KindClosure        Kind = "closure"         // a panic, not an *Error, inside a checkpoint closure
	KindArgument       Kind = "argument"        // an argument that this package refuses
	KindLoad           Kind = "load"            // libisactorch.so cannot be loaded
	KindABI            Kind = "abi"             // libisactorch.so was built for another version of this package
	KindInternal       Kind = "internal"        // something that is not an exception of libtorch or C++
)

// Error is what operations panic with; see Try.
type Error struct {
	Kind    Kind
	Op      string // the operation and its arguments' shapes, "matmul[[3 4] [5 6]]"
	Message string
	Where   string // file:line of the first caller outside this package
	Stack   string // of a panic inside a checkpoint closure
}

// Error gives "torch.matmul[[3 4] [5 6]]: message".
func (e *Error) Error() string {
	if e.Op == "" {
		return "torch: " + e.Message
	}
	return "torch." + e.Op + ": " + e.Message
}

// IsOutOfMemory reports whether err is, or wraps, an exhausted memory of the CPU or a GPU. The process goes on: end the scope,
// call EmptyCache, and try something smaller.
func IsOutOfMemory(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Kind == KindMemory || e.Kind == KindCUDAMemory)
}

// IsFatal reports whether err has left the process's CUDA context unusable, so that the process should end and be restarted.
func IsFatal(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == KindCUDA
}

// Try runs fn and returns its error; an operation's panic (*Error) becomes the error. Other panics pass through.
func Try(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	return fn()
}

// fail panics with an error of this package's own making.
func fail(kind Kind, op, format string, args ...any) {
	panic(&Error{Kind: kind, Op: op, Message: fmt.Sprintf(format, args...), Where: caller()})
}

// check panics with the error that a C function returned, if any.
func check(text *C.char) {
	if text != nil {
		panic(takeError(text))
	}
}

const separator = "\x1f"

// takeError makes an Error of a C error string, and frees the string.
func takeError(text *C.char) *Error {
	defer C.free(unsafe.Pointer(text))
	f := strings.SplitN(C.GoString(text), separator, 6)
	for len(f) < 6 {
		f = append(f, "")
	}
	e := &Error{Kind: Kind(f[0]), Op: f[1] + f[2], Message: f[3], Where: f[4], Stack: f[5]}
	if e.Where == "" {
		e.Where = caller()
	}
	return e
}

// wire is the reverse of takeError, for an error that has to pass through C++.
func (e *Error) wire() string {
	clean := func(s string) string { return strings.ReplaceAll(s, separator, " ") }
	return strings.Join([]string{string(e.Kind), clean(e.Op), "", clean(e.Message), clean(e.Where), clean(e.Stack)}, separator)
}

// caller is the first file:line up the stack that is not in this package.
func caller() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		ours := strings.HasPrefix(f.Function, packagePath+".") && !strings.HasSuffix(f.File, "_test.go")
		if !ours && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return ""
		}
	}
}

const packagePath = "github.com/isac-guidance/isac/isac/torch"
