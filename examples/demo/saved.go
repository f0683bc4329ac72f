package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// saved is one picture that a SaveImage node wrote.
type saved struct {
	image.Image
	number int
	graph  graph
}

// graph is the workflow that a picture carries, in ComfyUI's API format, as far as the sheet shows it.
type graph map[string]struct {
	Class  string                     `json:"class_type"`
	Inputs map[string]json.RawMessage `json:"inputs"`
}

// newest reads the pictures with a prefix that were written last: as many as the workflow's batch has.
func newest(dir, prefix string) ([]saved, error) {
	paths, err := filepath.Glob(filepath.Join(dir, prefix+"_*_.png"))
	if err != nil {
		return nil, err
	}
	number := regexp.MustCompile(regexp.QuoteMeta(prefix) + `_(\d+)_\.png$`)
	var found []saved
	for _, path := range paths {
		match := number.FindStringSubmatch(path)
		if match == nil {
			continue
		}
		s, err := readSaved(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		s.number, _ = strconv.Atoi(match[1])
		found = append(found, s)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no %s_00001_.png: run `make demo`, or isac-host run examples/workflows/two-cats-and-a-dog.json --out %s", dir, prefix, dir)
	}
	slices.SortFunc(found, func(a, b saved) int { return a.number - b.number })
	batch := found[len(found)-1].graph.integer("EmptyLatentImage", "batch_size", len(found))
	return found[max(0, len(found)-batch):], nil
}

func readSaved(path string) (saved, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return saved{}, err
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return saved{}, err
	}
	s := saved{Image: img}
	if text := textChunk(data, "prompt"); text != nil {
		if err := json.Unmarshal(text, &s.graph); err != nil {
			return saved{}, fmt.Errorf("its workflow: %w", err)
		}
	}
	return s, nil
}

// textChunk finds a PNG tEXt chunk by its keyword; nil if there is none.
func textChunk(data []byte, keyword string) []byte {
	const signature, around = 8, 12 // a chunk's length, type and checksum take 12 bytes
	for at := signature; at+around <= len(data); {
		length := int(binary.BigEndian.Uint32(data[at:]))
		if length > len(data)-at-around {
			return nil
		}
		kind, body := string(data[at+4:at+8]), data[at+8:at+8+length]
		if key, text, ok := bytes.Cut(body, []byte{0}); ok && kind == "tEXt" && string(key) == keyword {
			return text
		}
		at += around + length
	}
	return nil
}

// input gives the input of the first node of a class that has it by value; nil if there is none.
func (g graph) input(class, name string) json.RawMessage {
	for _, id := range slices.Sorted(maps.Keys(g)) {
		raw := g[id].Inputs[name]
		if g[id].Class == class && len(raw) > 0 && raw[0] != '[' {
			return raw
		}
	}
	return nil
}

func (g graph) integer(class, name string, otherwise int) int {
	n, err := strconv.Atoi(string(g.input(class, name)))
	if err != nil || n < 1 {
		return otherwise
	}
	return n
}

// positive is the text of the node that a sampler's positive input leads to.
func (g graph) positive() string {
	for _, id := range slices.Sorted(maps.Keys(g)) {
		node := g[id]
		if node.Class != "KSampler" {
			continue
		}
		var link []any
		var text string
		if json.Unmarshal(node.Inputs["positive"], &link) != nil || len(link) != 2 {
			continue
		}
		from, _ := link[0].(string)
		if json.Unmarshal(g[from].Inputs["text"], &text) == nil {
			return text
		}
	}
	return ""
}
