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
	// own is a directory of ours alone, removed whenever we end; empty if the host wants a certain one.
	own string
	// private is the host's and ours, removed if the host is gone; empty if the host has none.
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

// remove removes what is ours alone.
func (h *home) remove() error {
	if h.own == "" {
		return nil
	}
	return os.RemoveAll(h.own)
}

// removeAll removes in place of a host that is gone.
func (h *home) removeAll() error {
	// Twice, for go-plugin may be making the socket right now.
	for range 2 {
		if err := h.remove(); err != nil {
			return err
		}
		if h.private != "" {
			if err := os.RemoveAll(h.private); err != nil {
				return err
			}
		}
	}
	return nil
}
