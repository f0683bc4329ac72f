package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/plugin"
)

// Started tells whether a host started this process: whether it was given the cookie.
func Started() bool {
	return os.Getenv(plugin.Handshake.MagicCookieKey) == plugin.Handshake.MagicCookieValue
}

// Serve serves a host until the host asks to stop or is gone, and returns the process's exit status. It owns the process:
// its standard streams, its signals and its socket. Call it once, early in main, before anything prints or loads a library.
func Serve(options Options, level hclog.Level) int {
	streams, err := takeStreams()
	if err != nil {
		fmt.Fprintf(os.Stderr, "isac-plugin: %v\n", err)
		return 1
	}
	defer streams.keep()
	log := hclog.New(&hclog.LoggerOptions{Name: "isac-plugin", Level: level, Output: streams.stderr, JSONFormat: true})
	options.Log = log
	home, err := newHome()
	if err != nil {
		log.Error("no place for the socket", "error", err)
		return 1
	}
	defer home.remove()
	protect(options, log)
	// Whatever ends this process without returning from here has to clean up first.
	watchSignals(home, log)
	watchHost(home, log)

	options.Fatal = func(err error) {
		// Late enough for the host to get the node's error first. It restarts the plugin when it finds it gone.
		time.AfterFunc(time.Second, func() { end(home, log, "the device is unusable for this process", err.Error()) })
	}
	options.Shared = home.dir
	identity, certificate, err := hostIdentity()
	if err == nil && identity != nil {
		err = announce(streams.stdout, certificate)
	}
	if err != nil {
		log.Error("no secure connection with the host", "error", err)
		return 1
	}
	s := New(options)
	config := &goplugin.ServeConfig{
		HandshakeConfig:  plugin.Handshake,
		VersionedPlugins: plugin.Versions(s, s.Guidance()),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return plugin.GRPCServer(append(opts, s.interceptors()...))
		},
		Logger: log,
	}
	if identity != nil {
		config.TLSProvider = func() (*tls.Config, error) { return identity, nil }
	}
	goplugin.Serve(config)
	// Serve returns on the host's wish. A node may be in the middle of an evaluation: the process's end is its end, and
	// gives back everything faster than closing it one by one.
	return 0
}
