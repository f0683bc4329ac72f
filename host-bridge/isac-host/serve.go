package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isac-guidance/isac/examples/workflows"
	"github.com/isac-guidance/isac/host-bridge/comfyapi"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/host-bridge/web"
)

type serveCommand struct {
	Listen    string   `default:"127.0.0.1:8188" placeholder:"HOST:PORT" help:"Address of the API and the editor page (${default}). Any host but a loopback one needs --token."`
	Token     string   `env:"ISAC_TOKEN" help:"What clients have to send: Authorization: Bearer TOKEN, X-API-Key: TOKEN, as password of Basic authentication, or ?token=TOKEN. At least 16 characters."`
	TLSCert   string   `name:"tls-cert" type:"path" placeholder:"FILE" env:"ISAC_TLS_CERT" help:"Speak HTTPS with this certificate, PEM, followed by those between it and its authority. Read again when it is renewed."`
	TLSKey    string   `name:"tls-key" type:"path" placeholder:"FILE" env:"ISAC_TLS_KEY" help:"Its key, PEM."`
	Data      string   `short:"d" default:"isac-data" placeholder:"DIR" env:"ISAC_DATA" help:"Folder of images, queue, history and settings (${default}); it is made if need be."`
	Host      []string `placeholder:"NAME" sep:"none" help:"One more name by which the server may be asked for, such as that of a reverse proxy; may be given again."`
	Origin    []string `placeholder:"URL" sep:"none" help:"A page of another server that may use this one, such as https://example.org; may be given again."`
	Page      string   `type:"path" placeholder:"DIR" help:"Serve the page in this folder in place of the built-in editor, such as the folder static of ComfyUI's own (PyPI: comfyui-frontend-package)."`
	MultiUser bool     `help:"Keep settings and workflows apart by the header Comfy-User."`
	Previews  bool     `help:"Make pictures of unfinished work also for clients that do not ask for them."`
	MaxQueue  int      `default:"1000" placeholder:"N" help:"Prompts that may wait (${default})."`
	NoWorker  bool     `help:"Serve alone: other processes run the prompts (isac-host worker)."`
	nats
	Listening string   `name:"nats-listen" placeholder:"HOST:PORT" help:"Let workers of this or other machines in here. Without, nobody outside this process reaches the queue. DIR/nats.url holds what they need."`
	Replicas  int      `name:"nats-replicas" hidden:"" help:"Of versions that kept everything in NATS."`
	Plugins   []string `name:"plugin" placeholder:"PATH" env:"ISAC_PLUGIN" sep:"none" help:"An isac-plugin executable; may be given again. Default: beside isac-host, else in PATH."`
	plugins
	logging
}

// nats says which queue is used.
type nats struct {
	URL         string `name:"nats" placeholder:"URL" env:"ISAC_NATS" help:"A NATS server or cluster that exists, nats://TOKEN@HOST:PORT. A worker needs it; serve has one of its own without."`
	Credentials string `name:"nats-creds" placeholder:"FILE" env:"ISAC_NATS_CREDS" help:"Credentials for it."`
}

func (n nats) remote(name string) queue.Remote {
	// A file's content ends with a line's end.
	return queue.Remote{URL: strings.TrimSpace(n.URL), Credentials: n.Credentials, Name: name}
}

// stopTime bounds an orderly end.
const stopTime = 8 * time.Second

// Run serves until a signal.
func (c *serveCommand) Run(con *console) (err error) {
	handler, err := c.handler(con.stderr)
	if err != nil {
		return err
	}
	logs := comfyapi.NewLogs(300)
	log := slog.New(logs.Handler(handler))
	if c.MaxQueue < 1 {
		return wrongError{fmt.Errorf("--max-queue %d: at least one prompt has to be able to wait", c.MaxQueue)}
	}
	if c.Listening != "" && c.URL != "" {
		return wrongError{errors.New("--nats-listen is for the queue's own NATS, --nats for one that exists; give one of them")}
	}
	if c.Replicas > 0 {
		log.Warn("--nats-replicas has no effect any more: the queue's ledger lies in the data folder, and NATS keeps nothing", "data", c.Data)
	}
	if err := checkDataFolders(c.Data); err != nil {
		return wrongError{err}
	}
	server, err := queue.Open(con.ctx, queue.Options{
		Data: c.Data, Listen: c.Listening, Remote: c.remote("isac-host serve"), MaxPending: c.MaxQueue, Log: log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := c.tellWorkers(server); err != nil {
		return err
	}
	page, err := c.page()
	if err != nil {
		return err
	}
	api, err := comfyapi.New(comfyapi.Config{
		Listen: c.Listen, Token: c.Token, TLSCert: c.TLSCert, TLSKey: c.TLSKey, Hosts: c.Host, Origins: c.Origin, Page: page, Templates: map[string]fs.FS{"isac": workflows.FS},
		Models: c.models(), MultiUser: c.MultiUser, Previews: c.Previews, Version: version, Log: log, Logs: logs,
	}, server)
	if err != nil {
		return wrongError{err}
	}
	if err := api.Listen(); err != nil {
		return err
	}
	end := func() {}
	if !c.NoWorker {
		if end, err = c.work(con, server, log); err != nil {
			return err
		}
	}
	served := make(chan error, 1)
	go func() { served <- api.Serve() }()
	// Programs wait for this line.
	fmt.Fprintln(con.stdout, api.PageURL())
	log.Info("serving", "url", api.URL(), "data", c.Data)
	select {
	case <-con.ctx.Done():
		log.Info("stopping")
	case err = <-served:
	}
	ctx, stop := context.WithTimeout(context.Background(), stopTime)
	defer stop()
	// The worker first: clients hear what becomes of their prompt.
	end()
	return errors.Join(err, api.Shutdown(ctx))
}

// page is the built-in editor or the folder that was given.
func (c *serveCommand) page() (fs.FS, error) {
	if c.Page == "" {
		return web.FS()
	}
	page := os.DirFS(c.Page)
	if _, err := fs.Stat(page, "index.html"); err != nil {
		return nil, wrongError{fmt.Errorf("--page %s: %w; expected a folder with an index.html", c.Page, err)}
	}
	return page, nil
}

// tellWorkers writes what a worker needs to connect into the data folder, for those who may read it.
func (c *serveCommand) tellWorkers(server *queue.Server) error {
	path := filepath.Join(c.Data, "nats.url")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // its rights may be too wide
		return err
	}
	if url := server.WorkerURL(); url != "" {
		return os.WriteFile(path, []byte(url+"\n"), 0o600)
	}
	return nil
}

// work starts this process's own worker; end stops it.
func (c *serveCommand) work(con *console, server *queue.Server, log *slog.Logger) (end func(), err error) {
	w, err := c.worker(con, c.Plugins, c.stderr(con), log)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(con.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Conn().Consume(ctx, server.LocalWorker(), w); err != nil {
			log.Error("the worker has ended", "reason", err.Error())
		}
	}()
	awaitWorker(ctx, server)
	return func() {
		stop()
		<-done
		if err := w.Close(); err != nil {
			log.Warn("cannot end the plugin", "reason", err.Error())
		}
	}, nil
}

// awaitWorker waits until the server has heard of its own worker: a client that comes at once shall find nodes.
func awaitWorker(ctx context.Context, server *queue.Server) {
	ctx, stop := context.WithTimeout(ctx, stopTime)
	defer stop()
	for ctx.Err() == nil {
		for _, w := range server.Workers() {
			if w.ID == server.LocalWorker() {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}
