package main

import "strings"

// kind says how one parameter type travels: Go signature, cgo arguments, C parameters, C++ value. %s is the name.
type kind struct {
	Go     string
	Cgo    string // arguments of the cgo call
	C      string // parameters of the C function
	CArgs  string // the same, as arguments of a call in C
	Cpp    string // statement that makes the C++ value, "" if the parameter serves as it is
	Shapes string // how the parameter shows in an error message, "" if it does not
}

var kinds = map[string]kind{
	"Tensor": {
		Go: "Tensor", Cgo: "C.uint64_t(%s.id)", C: "uint64_t %s_", CArgs: "%s_",
		Cpp: "const at::Tensor %s = tensor(%s_);", Shapes: "s.add(%s_);",
	},
	"Tensor?": {
		Go: "Tensor", Cgo: "C.uint64_t(%s.id)", C: "uint64_t %s_", CArgs: "%s_",
		Cpp: "const at::Tensor %s = maybe(%s_);", Shapes: "s.add(%s_);",
	},
	"[]Tensor": {
		Go: "[]Tensor", Cgo: "ids(%s), C.int64_t(len(%s))", C: "const uint64_t *%s_, int64_t n_%s", CArgs: "%s_, n_%s",
		Cpp: "const std::vector<at::Tensor> %s = tensors(%s_, n_%s);", Shapes: "s.add(%s_, n_%s);",
	},
	"int64": {Go: "int64", Cgo: "C.int64_t(%s)", C: "int64_t %s", CArgs: "%s"},
	"[]int64": {
		Go: "[]int64", Cgo: "ints(%s), C.int64_t(len(%s))", C: "const int64_t *%s_, int64_t n_%s", CArgs: "%s_, n_%s",
		Cpp: "const at::IntArrayRef %s(%s_, n_%s);",
	},
	"float64": {Go: "float64", Cgo: "C.double(%s)", C: "double %s", CArgs: "%s"},
	"bool":    {Go: "bool", Cgo: "boolean(%s)", C: "int32_t %s", CArgs: "%s"},
	"string": {
		Go: "string", Cgo: "chars(%s), C.int64_t(len(%s))", C: "const char *%s_, int64_t n_%s", CArgs: "%s_, n_%s",
		Cpp: "const std::string %s(%s_, n_%s);",
	},
	"DType":  {Go: "DType", Cgo: "C.int32_t(%s)", C: "int32_t %s_", CArgs: "%s_", Cpp: "const at::ScalarType %s = dtype(%s_);"},
	"Device": {Go: "Device", Cgo: "C.int32_t(%s.pack())", C: "int32_t %s_", CArgs: "%s_", Cpp: "const at::Device %s = device(%s_);"},
}

func init() {
	for _, t := range []string{"Tensor", "int64"} {
		k := kinds["[]"+t]
		k.Go = "..." + t
		kinds["..."+t] = k
	}
}

// pointers reports whether the type travels as a pointer, which cgo must be told does not escape.
func (k kind) pointers() bool { return strings.Contains(k.C, "*") }

// fill puts name in place of each %s.
func fill(template, name string) string { return strings.ReplaceAll(template, "%s", name) }
