package main

import "syscall"

// childAttributes have a child killed with its parent, and keep a terminal's Ctrl-C from it: the parent passes that on.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
