package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestUpToDate fails if ops.txt or isac_torch.h was changed without running the generator.
func TestUpToDate(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
	files, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*_gen.*", "shim/*_gen.*"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, _ := filepath.Rel("../..", path)
			if _, ok := files[name]; !ok {
				t.Errorf("%s is not generated any more; delete it", name)
			}
		}
	}
}

func TestCheckSeesChanges(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"ops.txt": "[one]\nNeg(t Tensor) Tensor | t.neg() | returns -t.\n", "isac_torch.h": "/* core */\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "shim"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, true); err == nil {
		t.Error("missing files pass the check")
	}
	if err := run(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, true); err != nil {
		t.Error(err)
	}
	// The ABI number depends on the hand-written header too.
	before, err := os.ReadFile(filepath.Join(dir, "isac_ops_gen.h"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "isac_torch.h"), []byte("/* other */\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, true); err == nil || !strings.Contains(err.Error(), "isac_ops_gen.h") {
		t.Errorf("a changed header gives %v", err)
	}
	if !strings.Contains(string(before), "ISAC_TORCH_ABI") {
		t.Errorf("no ABI number in\n%s", before)
	}
}

func TestParseOp(t *testing.T) {
	o, err := parseOp(`Conv2d(x, w Tensor, b Tensor?, stride []int64, groups int64) Tensor | at::conv2d(x) | convolves |x|.`)
	if err != nil {
		t.Fatal(err)
	}
	want := op{Name: "Conv2d", Params: []param{{"x", "Tensor"}, {"w", "Tensor"}, {"b", "Tensor?"}, {"stride", "[]int64"}, {"groups", "int64"}},
		Results: 1, Expr: "at::conv2d(x)", Doc: "convolves |x|."}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	if got := o.cParams(); got != "uint64_t x_, uint64_t w_, uint64_t b_, const int64_t *stride_, int64_t n_stride, int64_t groups" {
		t.Errorf("C parameters %q", got)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\nNeg(t Tensor) Tensor":                                   "ops.txt:2: expected `Name(parameters)",
		"[a]\nneg(t Tensor) Tensor | x | y":                           "ops.txt:2: cannot read the signature",
		"[a]\nNeg(t Tensor) int | x | y":                              "cannot read the signature",
		"[a]\nNeg(t) Tensor | x | y":                                  "Neg: parameter t has no type",
		"[a]\nNeg(t Complex) Tensor | x | y":                          `Neg: parameter t has the unknown type "Complex"`,
		"[a]\nNeg(x Tensor) inplace | x | y":                          "must have t as its first parameter",
		"Neg(t Tensor) Tensor | x | y":                                "an op before the first [section]",
		"[a]\nA(t Tensor) Tensor | x | y\nA(t Tensor) Tensor | x | y": "ops.txt:3: A is defined in line 2 already",
	} {
		_, err := parse(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{"Add": "add", "AddScalar": "add_scalar", "SDPA": "sdpa", "RMSNorm": "rms_norm", "Conv2d": "conv2d",
		"TopK": "top_k", "UpsampleNearest2d": "upsample_nearest2d", "LogSumExp": "log_sum_exp", "ConvTranspose2d": "conv_transpose2d"} {
		if got := snake(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}
