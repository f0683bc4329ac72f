// Package pyvalue reads, writes and compares JSON values as Python does, because that is what ComfyUI's messages, its nodes and its
// clients are used to: "1_000" is the int 1000, any text but the empty one is true, 1 == True, 1e16 is written 1e+16.
//
// Values are what encoding/json gives with UseNumber: nil, bool, json.Number, string, []any, map[string]any. Go's own numbers, strings,
// slices and maps by string are taken for the same things; all else is an object to Python, which is true and has no number.
package pyvalue
