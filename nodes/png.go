package nodes

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"slices"
	"strings"
	"unicode/utf16"
)

// textChunk is a PNG tEXt chunk: a keyword of Latin-1 letters and a text of ASCII.
type textChunk struct{ keyword, text string }

// metadata makes of Env.Workflow the chunks that ComfyUI writes into its images: the member "prompt" first, then the rest by
// name. The JSON is written in ASCII with \u escapes, as Python's json.dumps does, because tEXt is Latin-1.
func metadata(workflow json.RawMessage) ([]textChunk, error) {
	if len(bytes.TrimSpace(workflow)) == 0 {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(workflow, &members); err != nil {
		return nil, fmt.Errorf("workflow of the image's metadata: expected a json object: %w", err)
	}
	if isGraph(members) {
		members = map[string]json.RawMessage{"prompt": workflow}
	}
	if extra, ok := members["extra_pnginfo"]; ok {
		delete(members, "extra_pnginfo")
		var more map[string]json.RawMessage
		if err := json.Unmarshal(extra, &more); err != nil {
			return nil, fmt.Errorf("extra_pnginfo of the image's metadata: expected a json object: %w", err)
		}
		for name, raw := range more {
			members[name] = raw
		}
	}
	var chunks []textChunk
	for name, raw := range members {
		if string(raw) == "null" || !isKeyword(name) {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return nil, fmt.Errorf("%s of the image's metadata: %w", name, err)
		}
		chunks = append(chunks, textChunk{name, ascii(compact.String())})
	}
	slices.SortFunc(chunks, func(a, b textChunk) int {
		if first := b2i(b.keyword == "prompt") - b2i(a.keyword == "prompt"); first != 0 {
			return first
		}
		return strings.Compare(a.keyword, b.keyword)
	})
	return chunks, nil
}

// isGraph tells an API graph {"3": {"class_type": …}} from an object that has one as its "prompt".
func isGraph(members map[string]json.RawMessage) bool {
	for _, raw := range members {
		var node struct {
			Class string `json:"class_type"`
		}
		if json.Unmarshal(raw, &node) != nil || node.Class == "" {
			return false
		}
	}
	return len(members) > 0
}

// isKeyword says whether PNG allows name as the keyword of a text chunk.
func isKeyword(name string) bool {
	ok := len(name) > 0 && len(name) < 80 && name == strings.TrimSpace(name)
	for _, c := range name {
		ok = ok && c >= ' ' && c <= '~'
	}
	return ok
}

// ascii escapes what is not ASCII in a JSON document; such characters stand within its strings only.
func ascii(doc string) string {
	var b strings.Builder
	for _, c := range doc {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pngHeader is what precedes the first place where a text chunk may stand: the signature and IHDR.
const pngHeader = 8 + 4 + 4 + 13 + 4

// encodePNG writes img with the text chunks after its header. The same picture and chunks give the same bytes.
func encodePNG(img image.Image, chunks []textChunk) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode png: %w", err)
	}
	var texts bytes.Buffer
	for _, c := range chunks {
		body := []byte("tEXt" + c.keyword + "\x00" + c.text)
		texts.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body)-4)))
		texts.Write(body)
		texts.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
	}
	return slices.Concat(b.Bytes()[:pngHeader], texts.Bytes(), b.Bytes()[pngHeader:]), nil
}
