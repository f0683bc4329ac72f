package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/isac-guidance/isac/plugin"
)

// Config says what a worker works with.
type Config struct {
	// Plugins to start, at least one. No two of them may offer one node class.
	Plugins []plugin.Config
	// Version of the host.
	Version string
	// Patience is what a plugin has to stop after an interrupt; then its process is ended and started again. 0 is DefaultPatience.
	Patience time.Duration
	// Log may be nil.
	Log *slog.Logger
}

// Worker runs prompts with its plugins. It is a queue.Worker. Close has to be called.
type Worker struct {
	config  Config
	log     *slog.Logger
	pool    *pool
	started time.Time

	// cache belongs to the one run at a time, clients are the processes that hold what is in it.
	cache   *graph.Cache
	clients []client

	mu sync.Mutex
	// about is what the plugins said last.
	about plugin.Description
}

// New starts the plugins.
func New(ctx context.Context, config Config) (_ *Worker, err error) {
	if len(config.Plugins) == 0 {
		return nil, errors.New("a worker needs a plugin")
	}
	w := &Worker{config: config, log: config.Log, cache: graph.NewCache(), started: time.Now().UTC()}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	var members []*member
	defer func() {
		if err != nil {
			for _, m := range members {
				err = errors.Join(err, m.close())
			}
		}
	}()
	names := map[string]int{}
	for _, c := range config.Plugins {
		path, err := plugin.FindBinary(c.Path)
		if err != nil {
			return nil, err
		}
		c.Path = path
		name := filepath.Base(path)
		if names[name]++; names[name] > 1 {
			name = path
		}
		m, err := newMember(ctx, name, starting(c), backoff, w.log)
		if err != nil {
			return nil, err
		}
		m.patience = cmp.Or(config.Patience, m.patience)
		members = append(members, m)
	}
	if w.pool, err = newPool(ctx, members); err != nil {
		return nil, err
	}
	_, err = w.Describe(ctx)
	return w, err
}

func starting(c plugin.Config) func(context.Context) (client, error) {
	return func(ctx context.Context) (client, error) {
		started, err := plugin.Start(ctx, c)
		if err != nil {
			return nil, err // not a client that is nil within
		}
		return started, nil
	}
}

// Close ends the plugins. It is called when no prompt runs any more.
func (w *Worker) Close() error { return w.pool.close() }

// About is what the first plugin said of itself, and the nodes of all.
func (w *Worker) About() plugin.Description {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.about
}

// Describe gives the /object_info entries by class.
func (w *Worker) Describe(ctx context.Context) (map[string]json.RawMessage, error) {
	d, err := w.pool.describe(ctx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.about = d
	return d.Nodes, nil
}

// statsTime bounds asking a plugin how it is.
const statsTime = time.Second

// Info is what the worker says of itself. A plugin that does not answer in time is left out.
func (w *Worker) Info() queue.WorkerInfo {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	about := w.About()
	info := queue.WorkerInfo{Host: host, Version: w.config.Version, Started: w.started, Devices: about.Devices, Torch: about.Torch}
	ctx, stop := context.WithTimeout(context.Background(), statsTime)
	defer stop()
	answers := make([]plugin.Stats, len(w.pool.members))
	var all sync.WaitGroup
	for i, m := range w.pool.members {
		restarts, trouble := m.state()
		info.PluginRestarts += restarts
		if trouble != nil {
			info.Trouble = trouble.Error()
		}
		all.Go(func() {
			if live := m.now(); live != nil {
				answers[i], _ = live.Stats(ctx)
			}
		})
	}
	all.Wait()
	for _, a := range answers {
		info.PluginBytes += a.ResidentBytes
	}
	if len(answers[0].Devices) > 0 {
		info.Devices = answers[0].Devices
	}
	return info
}

// Free gives memory back: what the cache keeps and the models with it, or only what the plugins keep in reserve.
func (w *Worker) Free(ctx context.Context, unloadModels, freeMemory bool) error {
	if !unloadModels && !freeMemory {
		return nil
	}
	var err error
	if unloadModels {
		err = w.cache.Clear(ctx, w.pool)
	}
	return errors.Join(err, w.pool.free(ctx, unloadModels))
}

// ready waits until the plugins run, and gives the /object_info entries.
func (w *Worker) ready(ctx context.Context) (map[string]json.RawMessage, error) {
	for {
		if err := w.freshen(ctx); err != nil {
			return nil, err
		}
		entries, err := w.Describe(ctx)
		if err != nil {
			return nil, err
		}
		if slices.Equal(w.pool.clients(ctx), w.clients) { // else one died, and what was just said is of another
			return entries, nil
		}
	}
}

// freshen forgets what plugins held that are gone.
func (w *Worker) freshen(ctx context.Context) error {
	clients := w.pool.clients(ctx)
	if slices.Equal(clients, w.clients) {
		return nil
	}
	w.clients = clients
	if err := w.cache.Clear(ctx, w.pool); err != nil {
		return fmt.Errorf("forget what a plugin held that is gone: %w", err)
	}
	return nil
}
