//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// fleet is everything that an episode runs: serve, its workers, and in some episodes a NATS of its own.
type fleet struct {
	c       *command
	ctx     context.Context
	log     io.Writer
	dir     string
	tmpfs   bool
	api     api
	ports   [2]int // of the API and of NATS, the same over restarts
	outside bool   // NATS is a server of its own

	serve   *process
	workers []*process
	nats    *natsserver.Server
	tally   *tally
}

const token = "a-token-for-chaos"

// ports that are free now.
func freePorts() (ports [2]int, err error) {
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func (c *command) fleet(ctx context.Context, log io.Writer, outside bool, t *tally) (*fleet, error) {
	f := &fleet{c: c, ctx: ctx, log: log, outside: outside, tally: t}
	var err error
	if f.dir, err = os.MkdirTemp("", "isac-chaos"); err != nil {
		return nil, err
	}
	f.tmpfs = syscall.Mount("tmpfs", f.dir, "tmpfs", 0, "size=64m") == nil
	if f.ports, err = freePorts(); err != nil {
		return nil, err
	}
	f.api.url = fmt.Sprintf("http://127.0.0.1:%d", f.ports[0])
	if outside {
		if err := f.startNATS(); err != nil {
			return nil, err
		}
	}
	if err := f.startServe(); err != nil {
		return nil, err
	}
	return f, f.startWorker()
}

func (f *fleet) startNATS() (err error) {
	f.nats, err = natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: f.ports[1], Authorization: token, NoSigs: true, NoLog: true, MaxPayload: 8 << 20,
	})
	if err != nil {
		return err
	}
	f.nats.Start()
	if !f.nats.ReadyForConnections(30 * time.Second) {
		return errors.New("the NATS of the episode did not start")
	}
	return nil
}

func (f *fleet) natsURL() (string, error) {
	if f.outside {
		return fmt.Sprintf("nats://%s@127.0.0.1:%d", token, f.ports[1]), nil
	}
	b, err := os.ReadFile(filepath.Join(f.dir, "data", "nats.url"))
	return string(b), err
}

func (f *fleet) startServe() (err error) {
	args := []string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", f.ports[0]), "--data", filepath.Join(f.dir, "data"), "--log-level", "debug"}
	if f.outside {
		url, _ := f.natsURL()
		args = append(args, "--nats", url)
	} else {
		args = append(args, "--nats-listen", fmt.Sprintf("127.0.0.1:%d", f.ports[1]))
	}
	f.serve, err = f.c.launch(f.ctx, "serve", f.log, args...)
	return err
}

func (f *fleet) startWorker() error {
	url, err := f.natsURL()
	if err != nil {
		return err
	}
	w, err := f.c.launch(f.ctx, "worker", f.log, "worker", "--nats", url, "--log-level", "debug")
	if err != nil {
		return err
	}
	f.workers = append(f.workers, w)
	return nil
}

// measure keeps the peaks of all processes.
func (f *fleet) measure() {
	keep := func(kind string, pid int) { f.tally.peaks[kind] = max(f.tally.peaks[kind], peak(pid)) }
	for _, p := range f.all() {
		keep(p.name, p.cmd.Process.Pid)
		for _, pid := range p.plugins() {
			keep("isac-plugin", pid)
		}
	}
}

func (f *fleet) all() []*process {
	var all []*process
	if f.serve != nil {
		all = append(all, f.serve)
	}
	return append(all, f.workers...)
}

// close kills what is left and removes the data.
func (f *fleet) close() {
	for _, p := range f.all() {
		p.kill()
	}
	if f.nats != nil {
		f.nats.Shutdown()
	}
	if f.tmpfs {
		_ = syscall.Unmount(f.dir, syscall.MNT_DETACH)
	}
	_ = os.RemoveAll(f.dir)
}
