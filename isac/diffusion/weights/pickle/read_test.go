package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// legacyFile is a file of the old layout around a pickle of the value.
func legacyFile(value string) []byte {
	magic := "\x80\x02\x8a\x0a" + string(legacyMagic) + "."
	return []byte(magic + "\x80\x02M\xe9\x03." + "\x80\x02}." + value + "\x80\x02]." + strings.Repeat("\x00", 64))
}

// TestRefusals holds each bound, and the ways around the list of names that are known.
func TestRefusals(t *testing.T) {
	text := func(s string) string {
		return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
	}
	storageID := func(class string, count byte) string {
		return "(" + text("storage") + "c" + class + "\n" + text("0") + text("cpu") + "K" + string(count) + "tQ"
	}
	tensorOf := func(storage, offset, shape, strides string) string {
		return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides + "\x89}tR"
	}
	float4 := storageID("torch\nFloatStorage", 4)
	in := func(v string) string { return "}" + text("a") + v + "s." }
	deep := "}"
	for range 40 {
		deep += "q\x000}" + text("k") + "h\x00s"
	}
	loop := "}q\x00" + text("k") + "h\x00s."
	for name, c := range map[string]struct {
		pickle string
		kind   error
		want   string
	}{
		"a call":                      {"cos\nsystem\n(" + text("x") + "tR.", ErrRefused, `"os.system"`},
		"of the stack":                {text("os") + text("system") + "\x93.", ErrRefused, `"os.system"`},
		"by an instance":              {"(" + text("x") + "ios\nsystem\n.", ErrRefused, "instruction 0x69"},
		"by an extension":             {"\x82\x01.", ErrRefused, "instruction 0x82"},
		"through a harmless module":   {"cpytorch_lightning.x\nos.system\n.", ErrRefused, `"pytorch_lightning.x.os.system"`},
		"a module that begins alike":  {"cpytorch_lightning_evil\nf\n.", ErrRefused, "pytorch_lightning_evil.f"},
		"a call of a class of tensor": {"ctorch\nFloatStorage\n)R.", ErrRefused, `calls "torch.FloatStorage"`},
		"through a type":              {"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nNN}tR.", ErrRefused, "os.system"},
		"an unknown storage":          {storageID("os\nsystem", 1) + ".", ErrRefused, "os.system"},
		"nothing to take":             {"0.", ErrBroken, "takes a value"},
		"behind a mark":               {"K\x01(0.", ErrBroken, "takes a value"},
		"no mark":                     {"t.", ErrBroken, "mark"},
		"never kept":                  {"h\x07.", ErrBroken, "recalls value 7"},
		"two values":                  {"NN.", ErrBroken, "2 values"},
		"a long text":                 {"X\xff\xff\xff\x7f", ErrBroken, "a text of 2147483647 bytes"},
		"a negative length":           {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", ErrBroken, "length"},
		"a tensor beyond":             {in(tensorOf(float4, "K\x00", "K\x05\x85", "K\x01\x85")), ErrBroken, "does not lie in its 4 elements"},
		"an offset beyond":            {in(tensorOf(float4, "K\x01", "K\x04\x85", "K\x01\x85")), ErrBroken, "does not lie"},
		"a negative offset":           {in(tensorOf(float4, "J\xff\xff\xff\xff", "K\x02\x85", "K\x01\x85")), ErrBroken, "does not lie"},
		"a negative size after none":  {in(tensorOf(float4, "K\x00", "K\x00J\xff\xff\xff\xff\x86", "K\x01K\x01\x86")), ErrBroken, "does not lie"},
		"an expanded element":         {in(tensorOf(float4, "K\x00", "J\xff\xff\xff\x7f\x85", "K\x00\x85")), ErrBroken, "does not lie"},
		"a product that wraps":        {in(tensorOf(float4, "K\x00", "J\x00\x00\x00\x40J\x00\x00\x00\x40J\x10\x00\x00\x00\x87", "K\x00K\x00K\x00\x87")), ErrBroken, "does not lie"},
		"strides of another count":    {in(tensorOf(float4, "K\x00", "K\x02\x85", ")")), ErrBroken, "strides"},
		"a storage that is not there": {in(tensorOf(float4, "K\x00", "K\x04\x85", "K\x01\x85")), ErrBroken, "is not in the file"},
		"dictionaries in each other":  {deep + ".", ErrRefused, "more than 16 deep"},
		"a dictionary in itself":      {loop, ErrRefused, "more than 16 deep"},
		"a list as a dictionary":      {"]" + text("a") + "Ns.", ErrBroken, "puts 2 values into a list"},
		"too many values":             {strings.Repeat("N0", maxValues+1) + "N.", ErrRefused, "more than 4194304 values"},
	} {
		file := legacyFile("\x80\x02" + c.pickle)
		_, err := Read(bytes.NewReader(file), int64(len(file)))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzRead holds that whatever is accepted lies in the file and takes no more than it.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "pickled", "*"))
	for _, path := range files {
		if file, err := os.ReadFile(path); err == nil {
			f.Add(file)
		}
	}
	f.Add(legacyFile("}."))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrBroken) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		for _, tensor := range tensors {
			count := int64(1)
			for _, n := range tensor.Shape {
				count *= n
			}
			if tensor.Begin < 0 || tensor.End < tensor.Begin || tensor.End > int64(len(file)) || count < 0 || count > int64(len(file)) {
				t.Fatal(fmt.Sprint("a tensor lies outside of the file: ", tensor))
			}
			if tensor.Strides == nil && count*widths[tensor.DType] != tensor.End-tensor.Begin {
				t.Fatal(fmt.Sprint("a tensor of another size: ", tensor))
			}
		}
	})
}
