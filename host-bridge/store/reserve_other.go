//go:build !linux

package store

func (j *Journal) reserve() {}
