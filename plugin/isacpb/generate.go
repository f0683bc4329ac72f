// Package isacpb is isac.proto in Go: generated code, committed so that a build needs no protoc.
package isacpb

//go:generate ./generate.sh
