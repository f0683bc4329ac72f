//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// episode is one list of steps on an empty data folder.
type episode struct {
	*fleet
	*world
	conns   []func()
	ballast string
	frozen  []int
	entries map[string]ended // of the last look
}

// episode runs steps and then lets everything come to its end. It gives what was wrong, nil where nothing was.
func (c *command) episode(ctx context.Context, seed uint64, steps []step, t *tally) (found error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("chaos-%d-%d.log", seed, os.Getpid()))
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		log.Close()
		if found == nil || ctx.Err() != nil {
			os.Remove(path)
			return
		}
		if err := os.MkdirAll(c.Logs, 0o755); err == nil {
			if b, err := os.ReadFile(path); err == nil {
				_ = os.WriteFile(filepath.Join(c.Logs, filepath.Base(path)), b, 0o644)
			}
		}
		os.Remove(path)
	}()
	f, err := c.fleet(ctx, log, seed%2 == 1, t)
	if f != nil {
		defer f.close()
	}
	if err != nil {
		return err
	}
	e := &episode{fleet: f, world: newWorld()}
	defer e.release()
	for _, s := range steps {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(log, "\n=== %s %s\n", time.Now().Format("15:04:05.000"), s)
		if err := e.do(s); err != nil {
			return fmt.Errorf("at %q: %w", s, err)
		}
		t.counts[s.kind]++
		e.measure()
	}
	fmt.Fprintf(log, "\n=== %s the end\n", time.Now().Format("15:04:05.000"))
	return e.finish()
}

// release takes back what hinders: what is frozen goes on, the disk has room, clients leave.
func (e *episode) release() {
	e.thaw()
	e.makeRoom()
	for _, closeIt := range e.conns {
		closeIt()
	}
	e.conns = nil
}

// look compares the server with what has to be there. A server that does not answer now, for it is frozen or its disk is full, has
// nothing to say.
func (e *episode) look() error {
	ctx, cancel := e.api.limit(e.ctx)
	defer cancel()
	v, entries, err := e.api.view(ctx)
	if err != nil {
		return e.excused(err)
	}
	e.entries = entries
	wrong := e.check(v)
	wrong = append(wrong, e.checkFiles(ctx)...)
	e.tally.counts["looks"]++
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// excused is err, or nil where the server may fail to answer.
func (e *episode) excused(err error) error {
	if len(e.frozen) > 0 || e.ballast != "" {
		return nil
	}
	return err
}

// checkFiles reads values, uploads, and the picture of one prompt.
func (e *episode) checkFiles(ctx context.Context) (wrong []string) {
	for _, key := range slices.Sorted(maps.Keys(e.values)) {
		status, text, err := e.api.call(ctx, "GET", key, "", nil)
		if err == nil {
			err = e.unexpected(key, status, string(text))
		}
		if err = e.excused(err); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.pictures)) {
		status, err := e.api.picture(ctx, name, "", "input")
		if err == nil && (status == http.StatusNotFound && e.pictures[name] || status != http.StatusOK && status != http.StatusNotFound) {
			err = fmt.Errorf("the upload %s gives status %d", name, status)
		}
		if err = e.excused(err); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	for id, entry := range e.entries {
		if entry.Status.Text != "success" || e.prompts[id] != kept {
			continue
		}
		for _, out := range entry.Outputs {
			for _, i := range out.Images {
				status, err := e.api.picture(ctx, i.Filename, i.Subfolder, i.Type)
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("the picture %s of prompt %s gives status %d", i.Filename, id, status)
				}
				if err = e.excused(err); err != nil {
					wrong = append(wrong, err.Error())
				}
			}
		}
		break // one of them, another every time
	}
	return wrong
}

// unexpected is what is wrong with what the server has for a value.
func (e *episode) unexpected(key string, status int, text string) error {
	if status == http.StatusNotFound || strings.HasPrefix(key, "/settings/") && text == "null" {
		text = ""
	} else if status != http.StatusOK {
		return fmt.Errorf("GET %s: status %d: %.200s", key, status, text)
	}
	if e.values[key][text] {
		return nil
	}
	var want []string
	for v := range e.values[key] {
		want = append(want, fmt.Sprintf("%d bytes %.20q", len(v), v))
	}
	return fmt.Errorf("%s has %d bytes %.20q, expected %s", key, len(text), text, strings.Join(want, " or "))
}

// settled is how long nothing may come to an end while prompts wait.
const settled = 3 * time.Minute

// finish lets everything go on, waits until all prompts have ended, and stops the server in order.
func (e *episode) finish() error {
	e.release()
	if err := e.revive(); err != nil {
		return err
	}
	left, since := -1, time.Now()
	for {
		if err := e.look(); err != nil {
			return err
		}
		ctx, cancel := e.api.limit(e.ctx)
		queue, err := e.api.queue(ctx)
		cancel()
		if err != nil {
			return err
		}
		if len(queue) == 0 {
			break
		}
		if len(queue) != left {
			left, since = len(queue), time.Now()
		}
		if time.Since(since) > settled {
			return fmt.Errorf("%d prompts wait and none ended for %v", left, settled)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if err := e.look(); err != nil {
		return err
	}
	for id := range e.entries {
		if e.prompts[id] == kept {
			e.tally.counts["prompts that ended: "+e.entries[id].Status.Text]++
		}
	}
	e.tally.counts["prompts that had to be gone and were"] += len(e.of(removed))
	var plugins []int
	for _, p := range e.all() {
		plugins = append(plugins, p.plugins()...)
	}
	for _, p := range e.all() {
		if err := p.end(20 * time.Second); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for slices.ContainsFunc(plugins, alive) {
		if time.Now().After(deadline) {
			return errors.New("a plugin outlived its host by ten seconds")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

// revive starts what does not run.
func (e *episode) revive() error {
	if e.nats == nil && e.outside {
		if err := e.startNATS(); err != nil {
			return err
		}
	}
	if e.serve == nil {
		if err := e.startServe(); err != nil {
			return err
		}
	}
	if len(e.workers) == 0 {
		return e.startWorker()
	}
	return nil
}

func userdata(n uint64) string {
	return "/userdata/" + url.PathEscape(fmt.Sprintf("workflows/%d.json", n%8))
}
func setting(n uint64) string { return fmt.Sprintf("/settings/chaos.%d", n%5) }
