//go:build !linux

package main

import "syscall"

// childAttributes are none: a child notices by the end of its standard input that its parent is gone.
func childAttributes() *syscall.SysProcAttr { return nil }
