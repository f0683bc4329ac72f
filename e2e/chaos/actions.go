//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
)

// do takes one step.
func (e *episode) do(s step) error {
	random := rand.New(rand.NewPCG(s.random, 7))
	switch s.kind {
	case "put a prompt":
		return e.put(random, random.IntN(2000))
	case "put a large prompt":
		return e.put(random, 200_000+random.IntN(2_000_000))
	case "put several prompts":
		for range 3 + random.IntN(6) {
			if err := e.put(random, random.IntN(2000)); err != nil {
				return err
			}
		}
	case "delete a prompt that waits":
		return e.deleteWaiting(random)
	case "delete a prompt that ended":
		return e.deleteEnded(random)
	case "clear the queue":
		return e.clear("/queue")
	case "clear the history":
		return e.clear("/history")
	case "interrupt":
		_, _ = e.post("/interrupt", map[string]any{})
	case "upload a picture":
		name := fmt.Sprintf("chaos-%d.png", s.random)
		ctx, cancel := e.api.limit(e.ctx)
		defer cancel()
		status, err := e.api.upload(ctx, name, s.random)
		e.pictures[name] = e.pictures[name] || err == nil && status == http.StatusOK
	case "write user data":
		e.write(userdata(s.random), `{"n":`+strings.Repeat(strconv.FormatUint(1+random.Uint64N(9), 10), 1+random.IntN(400_000))+`}`)
	case "delete user data":
		ctx, cancel := e.api.limit(e.ctx)
		defer cancel()
		status, _, err := e.api.call(ctx, "DELETE", userdata(s.random), "", nil)
		e.wrote(userdata(s.random), "", err == nil && (status == http.StatusNoContent || status == http.StatusNotFound))
	case "write a setting":
		e.write(setting(s.random), strconv.Quote(strings.Repeat("s", 1+random.IntN(2000))))
	case "kill serve":
		e.serve.kill()
		return e.again(e.startServe)
	case "stop serve in order":
		e.thaw()
		err := e.serve.end(20 * time.Second)
		if err := e.again(e.startServe); err != nil {
			return err
		}
		return err
	case "kill a worker":
		e.workers[0].kill()
		e.workers = e.workers[1:]
		return e.startWorker()
	case "kill a plugin":
		all := e.all()
		for _, pid := range all[random.IntN(len(all))].plugins() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	case "freeze a process":
		e.freeze(random)
	case "restart NATS":
		if e.nats != nil {
			e.nats.Shutdown()
			e.nats.WaitForShutdown()
			time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
			return e.startNATS()
		}
	case "fill the disk":
		e.fill()
	case "a client that does not read":
		conn, _, err := websocket.DefaultDialer.DialContext(e.ctx, "ws"+strings.TrimPrefix(e.api.url, "http")+"/ws?clientId="+uuid.NewString(), nil)
		if err == nil {
			e.conns = append(e.conns, func() { conn.Close() })
		}
	case "a client that sends half":
		conn, err := net.Dial("tcp", strings.TrimPrefix(e.api.url, "http://"))
		if err == nil {
			fmt.Fprintf(conn, "POST /prompt HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"prompt\":", strings.TrimPrefix(e.api.url, "http://"))
			e.conns = append(e.conns, func() { conn.Close() })
		}
	case "look":
		return e.look()
	case "wait":
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
	default:
		return fmt.Errorf("no such step: %s", s.kind)
	}
	return nil
}

// again starts the server, with room on its disk, and looks at what it has.
func (e *episode) again(start func() error) error {
	e.release()
	if err := start(); err != nil {
		return err
	}
	return e.look()
}

// post sends JSON within a call's time.
func (e *episode) post(path string, body any) (int, error) {
	ctx, cancel := e.api.limit(e.ctx)
	defer cancel()
	return e.api.send(ctx, path, body)
}

// put puts a prompt under an id of ours, so that it is known also where no answer comes.
func (e *episode) put(random *rand.Rand, note int) error {
	id := uuid.Must(uuid.NewRandomFromReader(bytesOf{random})).String()
	for e.prompts[id] != unsure || e.outcomes[id] != "" { // a step that was repeated with its random number
		id = uuid.NewString()
	}
	status, err := e.post("/prompt", workflow(id, random.Uint64N(1<<40), 2+random.IntN(6), note))
	switch {
	case err != nil:
		e.prompts[id] = unsure
	case status == http.StatusOK:
		e.prompts[id] = kept
		e.tally.counts["prompts accepted"]++
	default:
		e.prompts[id] = removed
		e.tally.counts["prompts refused"]++
	}
	return nil
}

// bytesOf reads random bytes.
type bytesOf struct{ random *rand.Rand }

func (b bytesOf) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b.random.Uint32())
	}
	return len(p), nil
}

// now is the server's view, nil where it does not answer.
func (e *episode) now() *view {
	ctx, cancel := e.api.limit(e.ctx)
	defer cancel()
	v, _, err := e.api.view(ctx)
	if err != nil {
		return nil
	}
	return v
}

func (e *episode) deleteWaiting(random *rand.Rand) error {
	v := e.now()
	if v == nil || len(v.after) == 0 {
		return nil
	}
	var ids []string
	for id := range v.after {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	id := ids[random.IntN(len(ids))]
	return e.deleted("/queue", map[string]any{"delete": []string{id}}, []string{id})
}

func (e *episode) deleteEnded(random *rand.Rand) error {
	v := e.now()
	if v == nil || len(v.history) == 0 {
		return nil
	}
	var ids []string
	for id := range v.history {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	id := ids[random.IntN(len(ids))]
	return e.deleted("/history", map[string]any{"delete": []string{id}}, []string{id})
}

// clear empties the queue or the history. Any prompt may have been in it.
func (e *episode) clear(path string) error {
	return e.deleted(path, map[string]any{"clear": true}, e.of(kept))
}

// deleted deletes, and settles what that did to these prompts.
func (e *episode) deleted(path string, body any, ids []string) error {
	status, err := e.post(path, body)
	if err != nil || status != http.StatusOK {
		e.settle(ids, nil)
		return nil
	}
	e.tally.counts["deletions answered with 200"]++
	e.settle(ids, e.now())
	return nil
}

// write writes a value, with a body that is its own reading.
func (e *episode) write(key, value string) {
	ctx, cancel := e.api.limit(e.ctx)
	defer cancel()
	status, _, err := e.api.call(ctx, "POST", key, "application/json", []byte(value))
	e.wrote(key, value, err == nil && status == http.StatusOK)
}

// freeze stops a process for a while. serve goes on after a prompt was put that it could not answer; a worker or a plugin may stay so
// until the next start of serve.
func (e *episode) freeze(random *rand.Rand) {
	all := e.all()
	p := all[random.IntN(len(all))]
	pids := append(p.plugins(), p.cmd.Process.Pid)
	pid := pids[random.IntN(len(pids))]
	if syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return
	}
	e.frozen = append(e.frozen, pid)
	if pid == e.serve.cmd.Process.Pid {
		e.api.brief = true
		_ = e.put(random, 100)
		e.api.brief = false
		e.thaw()
		return
	}
	time.Sleep(time.Duration(random.IntN(4000)) * time.Millisecond)
	if random.IntN(4) > 0 {
		e.thaw()
	}
}

func (e *episode) thaw() {
	for _, pid := range e.frozen {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	e.frozen = nil
}

// fill leaves no room on the disk, where it is one of our own.
func (e *episode) fill() {
	if !e.tmpfs || e.ballast != "" {
		return
	}
	e.ballast = filepath.Join(e.dir, "ballast")
	f, err := os.Create(e.ballast)
	if err != nil {
		return
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

func (e *episode) makeRoom() {
	if e.ballast != "" {
		_ = os.Remove(e.ballast)
		e.ballast = ""
	}
}
