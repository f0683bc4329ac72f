package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// listedModel is what is said of one model. WeightBytes is the memory that its weights take as they are stored, WeightBytesFP32 in
// float32; what is computed with them comes on top, and depends on the picture's size. Error says why it cannot be loaded; the fields
// before it but Name, Path and Size are then empty.
type listedModel struct {
	Name            string       `json:"name"`
	Path            string       `json:"path"`
	Family          string       `json:"family,omitempty"`
	Title           string       `json:"title,omitempty"`
	Layout          string       `json:"layout,omitempty"`
	Precision       string       `json:"precision,omitempty"`
	Size            int64        `json:"size_bytes"`
	Parameters      int64        `json:"parameters,omitempty"`
	WeightBytes     int64        `json:"weight_bytes,omitempty"`
	WeightBytesFP32 int64        `json:"weight_bytes_fp32,omitempty"`
	Parts           []listedPart `json:"parts,omitempty"`
	Notes           []string     `json:"notes,omitempty"`
	Error           string       `json:"error,omitempty"`
}

// listedPart is one network of a model.
type listedPart struct {
	Name       string `json:"name"`
	Precision  string `json:"precision"`
	Parameters int64  `json:"parameters"`
	Bytes      int64  `json:"weight_bytes"`

	types map[string]bool
}

func inspectModel(name, path string) listedModel {
	m := listedModel{Name: name, Path: path, Size: diskSize(path)}
	files, err := family.Open(path)
	if err != nil {
		m.Error = strings.TrimPrefix(err.Error(), "open model: ")
		return m
	}
	defer files.Close()
	m.Family, m.Title, m.Layout, m.Notes = files.Family.Name, files.Family.Title, string(files.Layout), files.Notes
	if f, ok := files.Raw.(*weights.File); ok && f.Pickled() {
		m.Notes = append(m.Notes, "this is a pickle of PyTorch, of which the tensors alone are read; isac-plugin convert makes a .safetensors file of it")
	}
	m.Parts = append(m.Parts, inspectPart(files.Family.Denoiser.What, files.Denoiser), inspectPart(files.Family.VAE.What, files.VAE))
	for i, t := range files.Family.Text {
		m.Parts = append(m.Parts, inspectPart(t.What, files.Text[i]))
	}
	types := map[string]bool{}
	for _, p := range m.Parts {
		maps.Copy(types, p.types)
		m.Parameters += p.Parameters
		m.WeightBytes += p.Bytes
	}
	m.WeightBytesFP32 = m.Parameters * weights.F32.Bits() / 8
	m.Precision = precisionText(types)
	return m
}

// inspectPart counts a network's parameters. Whole numbers, such as those of positions, are none.
func inspectPart(name string, src weights.Source) listedPart {
	p := listedPart{Name: name, types: map[string]bool{}}
	for _, tensor := range src.Names() {
		dtype, _ := src.DType(tensor)
		if whole(dtype) {
			continue
		}
		shape, _ := src.Shape(tensor)
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		p.Parameters += n
		p.Bytes += n * dtype.Bits() / 8
		p.types[dtype.Precision()] = true
	}
	p.Precision = precisionText(p.types)
	return p
}

func whole(d weights.DType) bool {
	return d == weights.Bool || strings.HasPrefix(string(d), "I") || strings.HasPrefix(string(d), "U")
}

// precisionText is "fp16", or "mixed (fp16, fp32)".
func precisionText(types map[string]bool) string {
	names := slices.Sorted(maps.Keys(types))
	if len(names) == 1 {
		return names[0]
	}
	return "mixed (" + strings.Join(names, ", ") + ")"
}

// diskSize is the size of a file, or of all files in a folder, links followed: stores of models often keep the files elsewhere.
func diskSize(path string) (bytes int64) {
	filepath.WalkDir(path, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not counted
		}
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
