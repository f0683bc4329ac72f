package weights

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// longestMagic is as much of the beginning of a file as foreign looks at.
const longestMagic = 512

// foreign names the kind of file that is often given in place of weights, with what to do, "" for none that is known.
func foreign(file []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")), " \t\r\n")
	lower := slices.Clone(text)
	for i, b := range lower { // bytes.ToLower would mend what is no UTF-8
		if b >= 'A' && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	for _, k := range []struct{ magic, kind string }{
		{"gguf", "a GGUF file, give the safetensors file that it was made from"},
		{"version https://git-lfs", "a Git LFS pointer and not the model, run `git lfs pull` where it was cloned"},
		{"<!doctype", "a web page, the download went wrong (perhaps a login was asked for)"},
		{"<html", "a web page, the download went wrong (perhaps a login was asked for)"},
		{"<?xml", "an XML text, the download went wrong (perhaps a login was asked for)"},
		{"<", "a web page or another text, the download went wrong"},
		{"{\"", "a JSON text and no weights, the download went wrong (perhaps a login was asked for), or it is the model's config"},
		{"rar!", "a RAR archive, unpack it"},
		{"7z\xbc\xaf", "a 7-Zip archive, unpack it"},
		{"\x1f\x8b", "a gzip archive, unpack it"},
		{"\x89hdf", "a Keras (HDF5) file, give the safetensors file"},
	} {
		if bytes.HasPrefix(lower, []byte(k.magic)) && (k.magic != "<" && k.magic != "{\"" || isText(file)) {
			return k.kind
		}
	}
	if len(file) > 262 && string(file[257:262]) == "ustar" {
		return "a tar archive (of another program, or of a PyTorch of before 2017), unpack it or get the model as safetensors"
	}
	if isText(file) {
		line, _, _ := strings.Cut(string(text), "\n")
		return fmt.Sprintf("a text and no weights (it begins with %.60q), the download went wrong", strings.TrimSpace(line))
	}
	return ""
}

// isText says whether all that is seen of a file can be printed. A file of safetensors begins with a length, of which most bytes are zero.
func isText(file []byte) bool {
	if len(file) < 8 {
		return false
	}
	for _, b := range file[:8] {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b > '~' {
			return false
		}
	}
	return true
}
