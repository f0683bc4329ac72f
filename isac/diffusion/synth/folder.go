package synth

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// folderPart is one network of a diffusers folder.
type folderPart struct {
	folder, base string
	tensors      []folderTensor
}

// folderTensor is a tensor under diffusers' name, and where its values are in the single file.
type folderTensor struct {
	name  string
	shape []int64
	from  tensor
	piece weights.Piece
}

// folderParts takes a single file's tensors apart, by the family's own maps of names.
func folderParts(f *family.Family, s sizes, all checkpoint) []folderPart {
	parts := []folderPart{takePart(f.Denoiser, all, nil), takePart(f.VAE, all, nil)}
	for i, t := range f.Text {
		text := takePart(t.Part, all, s.text[i].leftOut(t))
		if f.Name == "sd3" && !s.text[i].projected {
			text.tensors = append(text.tensors, unprojected(s.text[i].width))
		}
		parts = append(parts, text)
	}
	return parts
}

// takePart shows one network under diffusers' names, without those that are left out.
func takePart(p family.Part, all checkpoint, leaveOut func(name string) bool) folderPart {
	src := weights.Prefix(all, p.Prefixes[0])
	if p.Single != nil {
		src = p.Single(src)
	}
	part := folderPart{folder: p.Folder, base: p.Base}
	for _, name := range src.Names() {
		if leaveOut != nil && leaveOut(name) {
			continue
		}
		shape, _ := src.Shape(name)
		piece, err := weights.Locate(src, name)
		if err != nil {
			panic(err) // no map of the list takes a part of a part
		}
		part.tensors = append(part.tensors, folderTensor{name, shape, all.tensors[piece.Name], piece})
	}
	return part
}

// leftOut tells what of a single file's text encoder is not in folders: the positions' numbers, and where the conditioning does
// without the last layers, these and the projection.
func (s textSize) leftOut(t family.TextPart) func(name string) bool {
	spare := t.SingleSkip - t.Skip
	var gone []string
	for i := range spare {
		gone = append(gone, fmt.Sprintf("text_model.encoder.layers.%d.", s.layers-1-i))
	}
	if spare > 0 {
		gone = append(gone, "text_projection.")
	}
	return func(name string) bool {
		return strings.HasSuffix(name, ".position_ids") || slices.ContainsFunc(gone, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
}

// unprojected is the projection that CLIP-L has in folders of Stable Diffusion 3, and not in single files: there pooled text is taken as
// it is, which this matrix amounts to.
func unprojected(width int64) folderTensor {
	const name = "text_projection.weight"
	t := tensor{name, []int64{width, width}, values{kind: identity}}
	return folderTensor{name, t.shape, t, weights.Piece{Name: name}}
}

// stream is the tensor as it is to be written.
func (t folderTensor) stream(seed uint64, dtype weights.DType) weights.Stream {
	return weights.Stream{Name: t.name, DType: dtype, Shape: t.shape, Data: func(w io.Writer) error {
		return writePiece(w, newStream(t.from, seed, dtype), t.piece)
	}}
}

// writePiece writes the part of a tensor that p is.
func writePiece(w io.Writer, s stream, p weights.Piece) error {
	begin, n := int64(0), s.t.elements()
	if p.Parts > 0 {
		n /= int64(p.Parts)
		begin = int64(p.Part) * n
	}
	switch {
	case p.Transposed:
		rows := s.t.shape[0] / int64(max(p.Parts, 1))
		_, err := w.Write(transposed(s.append(nil, begin, begin+n), rows, s.t.shape[1], s.dtype.Bits()/8))
		return err
	case p.SwapHalves:
		if err := s.write(w, begin+n/2, begin+n); err != nil {
			return err
		}
		return s.write(w, begin, begin+n/2)
	}
	return s.write(w, begin, begin+n)
}

// transposed exchanges rows and columns of a matrix whose elements have width bytes.
func transposed(data []byte, rows, columns, width int64) []byte {
	out := make([]byte, 0, len(data))
	for c := range columns {
		for r := range rows {
			at := (r*columns + c) * width
			out = append(out, data[at:at+width]...)
		}
	}
	return out
}

// writeFolder writes a diffusers folder into dir, which is there and empty.
func (p plan) writeFolder(dir string) error {
	for _, part := range folderParts(p.family, p.sizes, p.all) {
		into := filepath.Join(dir, part.folder)
		if err := os.Mkdir(into, 0o755); err != nil {
			return err
		}
		var streams []weights.Stream
		for _, t := range part.tensors {
			streams = append(streams, t.stream(p.Seed, p.DType))
		}
		if err := weights.WriteStream(filepath.Join(into, part.base+".safetensors"), streams, map[string]string{"format": "pt"}); err != nil {
			return err
		}
	}
	for name, settings := range p.configs() {
		if err := writeJSON(filepath.Join(dir, name), settings); err != nil {
			return err
		}
	}
	for _, t := range p.family.Text {
		if err := writeTokenizer(filepath.Join(dir, t.Tokenizer), t.PadZero); err != nil {
			return err
		}
	}
	return nil
}
