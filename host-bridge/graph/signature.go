package graph

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// signature is what a node computes: its class and its inputs, links by the signature of the node that they come from. Ids
// and titles are no part of it, nor is the notation of a number, so that two nodes of equal signature give equal results. Only
// nodes that say that they differ by more than their inputs have their id in it.
type signature [sha256.Size]byte

// sign gives the signature of a task; signed holds those of the nodes before it.
//
// contents are those of files that inputs name, as far as they are known: a file that changes makes another result.
func sign(t *Task, signed map[string]signature, contents map[string][]byte) (signature, error) {
	type term struct {
		Input string
		Value any        `json:",omitempty"`
		Link  *signature `json:",omitempty"`
		Slot  int
		// File is the digest of the file that the value names.
		File []byte `json:",omitempty"`
	}
	terms := []term{{Input: t.Node.Class}}
	if t.Schema.Distinct {
		terms[0].Value = t.Node.ID
	}
	for _, name := range slices.Sorted(maps.Keys(t.Values)) {
		if link, ok := t.Values[name].(Link); ok {
			from := signed[link.Node]
			terms = append(terms, term{Input: name, Link: &from, Slot: link.Slot})
			continue
		}
		one := term{Input: name, Value: t.Values[name]}
		if content, ok := contents[name]; ok {
			digest := sha256.Sum256(content)
			one.File = digest[:]
		}
		terms = append(terms, one)
	}
	text, err := json.Marshal(terms)
	if err != nil {
		return signature{}, fmt.Errorf("sign node %s: %w", t.Node.ID, err)
	}
	return sha256.Sum256(text), nil
}
