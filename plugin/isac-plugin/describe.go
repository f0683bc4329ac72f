package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// options are what both serving and the commands by hand work with.
func (c *commands) options() server.Options {
	return server.Options{
		Registry: nodes.Standard(), Version: version, Families: diffusion.Families(), ModelPaths: c.Models, LoRAPaths: c.LoRAs, Device: torch.Device(c.Device), MaxMemory: int64(c.Memory),
	}
}

// inspect describes this plugin, libtorch included where it is found. Standard output is stdout alone from here on: what
// libraries print while they load goes to standard error.
func (c *commands) inspect() (d plugin.Description, stdout *os.File, err error) {
	stdout, err = server.TakeStdout()
	if err != nil {
		return d, nil, err
	}
	s := server.New(c.options())
	defer s.Close()
	d, err = s.Description(context.Background())
	return d, stdout, err
}

type describe struct{}

// Run prints the description as JSON, in the manner of Packer's plugins.
func (describe) Run(c *commands) error {
	d, stdout, err := c.inspect()
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(d)
}

type showing struct{}

// Run prints the version.
func (showing) Run() error {
	_, err := fmt.Printf("isac-plugin %s, protocol %s\n", version, strings.Trim(fmt.Sprint(plugin.Protocols()), "[]"))
	return err
}
