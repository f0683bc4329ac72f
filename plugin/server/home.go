package server

import (
	"errors"
	"fmt"
	"os"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/isac-guidance/isac/plugin"
)

// home is where this process has its socket and its temporary files.
type home struct {
	// own is a directory of ours alone; empty if the host wants a certain one.
	own string
	// private is the host's and ours; empty if the host has none.
	private string
	// lock keeps private from being swept by another host.
	lock *os.File
}

// newHome makes a directory and tells go-plugin to put the socket there, below the one that the host names if it does.
func newHome() (*home, error) {
	h := &home{private: os.Getenv(plugin.EnvPrivateDir)}
	if h.private != "" {
		// Where locks are not to be had nobody sweeps either.
		h.lock, _ = plugin.LockDir(h.private)
	}
	if os.Getenv(goplugin.EnvUnixSocketGroup) != "" {
		// The host shares its directory with a group that could not enter one of ours.
		return h, nil
	}
	own, err := os.MkdirTemp(os.Getenv(goplugin.EnvUnixSocketDir), "isac-*")
	if err != nil {
		return nil, fmt.Errorf("a directory for the socket: %w", err)
	}
	h.own = own
	if err := os.Setenv(goplugin.EnvUnixSocketDir, own); err != nil {
		return nil, errors.Join(err, h.remove())
	}
	return h, nil
}

// remove removes everything, for the host as well: nobody but the two uses it, and the host may be ending just now.
func (h *home) remove() error {
	// Twice, for go-plugin may be making the socket right now.
	for range 2 {
		for _, dir := range []string{h.own, h.private} {
			if dir == "" {
				continue
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}
