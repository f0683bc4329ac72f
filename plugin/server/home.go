package server

import (
	"errors"
	"fmt"
	"io"
	"os"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/isac-guidance/isac/plugin"
)

// home is where this process has its socket and its temporary files.
type home struct {
	// dir is removed when this process ends; empty if the host wants a certain one and has not said that it is ours too.
	dir string
	// lock keeps dir from being swept by another host; nil if no host would.
	lock io.Closer
}

// newHome finds the directory that the host made for the two of us, or makes one and tells go-plugin to put the socket there.
func newHome() (*home, error) {
	if private := os.Getenv(plugin.EnvPrivateDir); private != "" {
		// No mark, no removal: the variable may be set by mistake.
		if lock, err := plugin.LockDir(private); err == nil {
			return &home{dir: private, lock: lock}, nil
		}
	}
	if os.Getenv(goplugin.EnvUnixSocketGroup) != "" {
		// The host shares its directory with a group that could not enter one of ours.
		return &home{}, nil
	}
	dir, err := os.MkdirTemp(os.Getenv(goplugin.EnvUnixSocketDir), "isac-*")
	if err != nil {
		return nil, fmt.Errorf("a directory for the socket: %w", err)
	}
	h := &home{dir: dir}
	if err := os.Setenv(goplugin.EnvUnixSocketDir, dir); err != nil {
		return nil, errors.Join(err, h.remove())
	}
	return h, nil
}

// remove removes the directory, for the host as well: nobody but the two uses it, and the host may be ending just now.
func (h *home) remove() error {
	if h.dir == "" {
		return nil
	}
	// Twice, for go-plugin may be making the socket right now.
	return errors.Join(os.RemoveAll(h.dir), os.RemoveAll(h.dir))
}
