package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

// workerCommand runs prompts of another process's queue.
type workerCommand struct {
	nats
	Plugins []string `name:"plugin" placeholder:"PATH" env:"ISAC_PLUGIN" sep:"none" help:"An isac-plugin executable; may be given again. Default: beside isac-host, else in PATH."`
	plugins
	logging
}

// Run works until a signal.
func (c *workerCommand) Run(con *console) (err error) {
	handler, err := c.handler(con.stderr)
	if err != nil {
		return err
	}
	log := slog.New(handler)
	if c.URL == "" {
		return wrongError{errors.New("--nats is needed: the content of DATA/nats.url of an isac-host serve --nats-listen, or a NATS that it uses too")}
	}
	// Before the plugin, which may hold a device: who waits for an API server holds nothing.
	conn, err := queue.Connect(con.ctx, c.remote("isac-host worker"), log)
	if err != nil {
		return err
	}
	defer conn.Close()
	w, err := c.worker(con, c.Plugins, c.stderr(con), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	id := strings.ToLower(host + "-" + rand.Text()[:8])
	fmt.Fprintln(con.stdout, id)
	log.Info("working", "worker", id, "device", c.Device)
	return conn.Consume(con.ctx, id, w)
}
