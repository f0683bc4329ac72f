package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// node is a node of a workflow. inputs is nil in the editor's form, whose values have no names.
type node struct {
	class  string
	inputs map[string]json.RawMessage
}

// walk reads the workflows below a folder, in the order of their names.
func walk(folder string, found func(path string, nodes []node)) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".json", ".png":
		default:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if nodes := workflowOf(text); len(nodes) > 0 {
			found(path, nodes)
		}
		return nil
	})
}

// workflowOf gives the nodes of a file, none where it holds no workflow.
func workflowOf(text []byte) []node {
	if !bytes.HasPrefix(text, []byte("\x89PNG\r\n\x1a\n")) {
		return nodesOf(text)
	}
	texts := pngTexts(text)
	if nodes := nodesOf(texts["prompt"]); len(nodes) > 0 {
		return nodes
	}
	return nodesOf(texts["workflow"])
}

// nodesOf reads the form of the API, also where it stands under "prompt", "input.workflow" or the like, or the editor's.
func nodesOf(text []byte) []node {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return nil
	}
	var nodes []node
	for _, raw := range fields {
		var n struct {
			Class  string                     `json:"class_type"`
			Inputs map[string]json.RawMessage `json:"inputs"`
		}
		if json.Unmarshal(raw, &n) == nil && n.Class != "" {
			nodes = append(nodes, node{n.Class, n.Inputs})
		}
	}
	if len(nodes) > 0 {
		return nodes
	}
	if nodes = editorNodes(text); len(nodes) > 0 {
		return nodes
	}
	for _, wrapper := range []string{"prompt", "workflow", "input"} {
		if nodes = nodesOf(fields[wrapper]); len(nodes) > 0 {
			return nodes
		}
	}
	return nil
}

const muted, bypassed = 2, 4

// editorNodes reads the editor's form, with the nodes inside its subgraphs and without those that the page alone knows.
func editorNodes(text []byte) (nodes []node) {
	type graph struct {
		ID    string `json:"id"`
		Nodes []struct {
			Type string `json:"type"`
			Mode int    `json:"mode"`
		} `json:"nodes"`
	}
	var g struct {
		graph
		Definitions struct {
			Subgraphs []graph `json:"subgraphs"`
		} `json:"definitions"`
	}
	if json.Unmarshal(text, &g) != nil {
		return nil
	}
	subgraphs := map[string]bool{}
	for _, s := range g.Definitions.Subgraphs {
		subgraphs[s.ID] = true
	}
	for _, part := range append([]graph{g.graph}, g.Definitions.Subgraphs...) {
		for _, n := range part.Nodes {
			switch n.Type {
			case "", "Note", "MarkdownNote", "Reroute", "PrimitiveNode":
				continue
			}
			if n.Mode != muted && n.Mode != bypassed && !subgraphs[n.Type] {
				nodes = append(nodes, node{class: n.Type})
			}
		}
	}
	return nodes
}

// pngTexts are the texts of a picture by their keys.
func pngTexts(png []byte) map[string][]byte {
	texts := map[string][]byte{}
	for at := 8; at+12 <= len(png); {
		size := int(binary.BigEndian.Uint32(png[at:]))
		if size > len(png)-at-12 {
			break
		}
		if string(png[at+4:at+8]) == "tEXt" {
			if key, value, ok := bytes.Cut(png[at+8:at+8+size], []byte{0}); ok {
				texts[string(key)] = value
			}
		}
		at += 12 + size
	}
	return texts
}
