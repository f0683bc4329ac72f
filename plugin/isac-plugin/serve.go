package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/hashicorp/go-hclog"

	"github.com/isac-guidance/isac/plugin/server"
)

// serve is the command of that name, and what the program does without one.
type serve struct {
	compute
	Listen  string `placeholder:"HOST:PORT" help:"Serve hosts at this address, without a parent process. Port 0 is any that is free."`
	TLSCert string `name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Certificate of this process, PEM. Needed with key and authority where the address is not a loopback one."`
	TLSKey  string `name:"tls-key" type:"existingfile" placeholder:"FILE" help:"Its key, PEM."`
	TLSCA   string `name:"tls-ca" type:"existingfile" placeholder:"FILE" help:"Authority of the certificates that hosts have to show, PEM."`
}

// Run serves, or explains itself to whoever started this without a host.
func (s serve) Run(c *commands) error {
	if s.Listen != "" {
		return s.listen(c)
	}
	if s.TLSCert != "" || s.TLSKey != "" || s.TLSCA != "" {
		return errors.New("--tls-cert, --tls-key and --tls-ca are for --listen HOST:PORT: a host that starts this process makes its own certificates")
	}
	if !server.Started() {
		fmt.Fprint(os.Stderr, description+`

  isac-plugin describe    what it can do, as JSON
  isac-plugin doctor      what it found on this machine
  isac-plugin --help      the rest

To make images: isac-host run workflow.json --out DIR
`)
		os.Exit(1)
	}
	os.Exit(server.Serve(s.compute.serve(c.options()), hclog.LevelFromString(c.LogLevel)))
	return nil
}

// listen serves at an address until a signal, and prints the address once hosts can connect.
func (s serve) listen(c *commands) error {
	stdout, err := server.TakeStdout()
	if err != nil {
		return err
	}
	ctx, release := interruptible()
	defer release()
	options := s.compute.serve(c.options())
	options.Log = hclog.New(&hclog.LoggerOptions{Name: "isac-plugin", Level: hclog.LevelFromString(c.LogLevel), Output: os.Stderr})
	ctx, end := server.Lifeline(ctx, options.Log)
	defer end()
	at := server.Listen{Address: s.Listen, Cert: s.TLSCert, Key: s.TLSKey, CA: s.TLSCA}
	return server.ServeAt(ctx, options, at, func(address net.Addr) {
		fmt.Fprintf(stdout, "listening on %s\n", address)
		if s.TLSCert == "" {
			options.Log.Warn("every program of this machine can connect: give --tls-cert, --tls-key and --tls-ca to choose who may")
		}
	})
}
