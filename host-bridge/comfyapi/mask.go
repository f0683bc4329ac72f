package comfyapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"io"
	"net/http"
)

// uploadMask takes a picture whose alpha is a mask, gives it to the picture that original_ref names, and saves what comes out. The
// texts of that picture, which hold the workflow that made it, are kept.
func (s *Server) uploadMask(w http.ResponseWriter, r *http.Request) error {
	return s.upload(w, r, s.masked)
}

func (s *Server) masked(ctx context.Context, u *upload) ([]byte, error) {
	var original struct {
		Filename  string `json:"filename"`
		Subfolder string `json:"subfolder"`
		Type      string `json:"type"`
	}
	if err := json.Unmarshal([]byte(u.original), &original); err != nil {
		return nil, wrong("original_ref is %.60q; expected {\"filename\": …, \"subfolder\": …, \"type\": …} of the image that the mask is for", u.original)
	}
	ref, err := readReference(original.Filename, original.Type, original.Subfolder)
	if err != nil {
		return nil, err
	}
	file, _, err := s.open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out []byte
	err = s.withPictures(ctx, bytesPerPixel, func(images []image.Image) error {
		merged, err := withAlphaOf(images[0], images[1])
		if err != nil {
			return wrong("%v; both have to be of one size", err)
		}
		out, err = encodePNG(merged)
		return err
	}, func(i int, err error) error {
		if i == 0 {
			return wrong("the original %s cannot be read as an image: %v", quoted(ref.name), err)
		}
		return wrong("the mask cannot be read as an image: %v", err)
	}, file, bytes.NewReader(u.data))
	if err != nil {
		return nil, wrong("%s with this mask cannot be written as a PNG: %v", quoted(ref.name), err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return withTexts(out, textChunks(file)), nil
}

var pngSignature = []byte("\x89PNG\r\n\x1a\n")

const (
	// headerEnd is where the first chunk of a PNG ends: the signature, and IHDR with 13 bytes.
	headerEnd = 8 + 12 + 13
	// maxTexts bounds what is copied from a picture.
	maxTexts = 32 << 20
)

// textChunks gives the text chunks of a PNG as they are; nothing of another file.
func textChunks(file io.Reader) []byte {
	head := make([]byte, 8)
	if _, err := io.ReadFull(file, head); err != nil || !bytes.Equal(head, pngSignature) {
		return nil
	}
	var texts []byte
	for {
		if _, err := io.ReadFull(file, head); err != nil {
			return texts
		}
		length := int64(binary.BigEndian.Uint32(head)) + 4 // with its checksum
		switch kind := string(head[4:]); {
		case kind == "IEND":
			return texts
		case kind == "tEXt" || kind == "iTXt" || kind == "zTXt":
			if int64(len(texts))+length > maxTexts {
				return texts
			}
			chunk := make([]byte, length)
			if _, err := io.ReadFull(file, chunk); err != nil {
				return texts
			}
			texts = append(append(texts, head...), chunk...)
		default:
			if _, err := io.CopyN(io.Discard, file, length); err != nil {
				return texts
			}
		}
	}
}

// withTexts puts chunks after the header of a PNG.
func withTexts(png, texts []byte) []byte {
	if len(texts) == 0 || len(png) < headerEnd {
		return png
	}
	out := make([]byte, 0, len(png)+len(texts))
	out = append(out, png[:headerEnd]...)
	out = append(out, texts...)
	return append(out, png[headerEnd:]...)
}
