//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow is the environment of make test-slow: more rounds, and the waits that a store with marks that expire would need to forget them.
const slow = "ISAC_SLOW"

// pastExpiry is longer than any mark of a deletion lived when the queue lay in NATS: a minute.
const pastExpiry = 70 * time.Second

// TestDeletedStaysDeleted: prompts that waited or had succeeded, and files of user data, are deleted, serve is killed, and none of them
// is there or runs after the next starts. One prompt is kept, and a new one is put between the kills.
func TestDeletedStaysDeleted(t *testing.T) {
	count, pause := 3, time.Duration(0)
	if os.Getenv(slow) != "" {
		count, pause = 20, pastExpiry
	}
	// Prompts that succeeded, for every round.
	made := t.TempDir()
	s := serve(t, made)
	var succeeded []string
	for i := range 4 {
		succeeded = append(succeeded, s.put(prompt(i, 2)))
	}
	s.await(patience, succeeded...)
	s.stop(syscall.SIGTERM, patience)
	for round := range count {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			if err := os.CopyFS(data, os.DirFS(made)); err != nil {
				t.Fatal(err)
			}
			d := &deletion{t: t, random: rand.New(rand.NewPCG(uint64(round), 3)), data: data, succeeded: slices.Clone(succeeded)}
			d.round(pause, round == 0)
		})
	}
}

// deletion is one round on a folder of data.
type deletion struct {
	t      *testing.T
	random *rand.Rand
	data   string
	// What is to be there.
	pending, succeeded, userdata []string
}

func (d *deletion) round(pause time.Duration, run bool) {
	s := serve(d.t, d.data, "--no-worker")
	var victims, files []string
	for i := range 4 { // one of them is kept, in a random place
		id := d.put(s, i)
		d.pending, victims = append(d.pending, id), append(victims, id)
		file := fmt.Sprintf("workflows/%d.json", i)
		if status := s.call("POST", "/userdata/"+strings.ReplaceAll(file, "/", "%2F"), d.text(), nil); status != http.StatusOK {
			d.t.Fatalf("POST of %s: %d", file, status)
		}
		d.userdata, files = append(d.userdata, file), append(files, file)
	}
	kept := d.random.IntN(len(victims))
	victims, files = slices.Delete(victims, kept, kept+1), slices.Delete(files, kept, kept+1)
	var deletions []func()
	for i := range victims {
		deletions = append(deletions,
			func() { d.post(s, "/queue", victims[i]); d.pending = without(d.pending, victims[i]) },
			func() {
				if status := s.call("DELETE", "/userdata/"+strings.ReplaceAll(files[i], "/", "%2F"), nil, nil); status != http.StatusNoContent {
					d.t.Fatalf("DELETE of %s: %d", files[i], status)
				}
				d.userdata = without(d.userdata, files[i])
			})
	}
	for _, id := range d.succeeded[:2] {
		deletions = append(deletions, func() { d.post(s, "/history", id); d.succeeded = without(d.succeeded, id) })
	}
	if d.random.IntN(2) == 0 {
		deletions = append(deletions, func() {
			if status := s.call("POST", "/history", map[string]any{"clear": true}, nil); status != http.StatusOK {
				d.t.Fatalf("POST /history: %d", status)
			}
			d.succeeded = nil
		})
	}
	d.random.Shuffle(len(deletions), func(i, j int) { deletions[i], deletions[j] = deletions[j], deletions[i] })
	for _, f := range deletions {
		f()
	}
	s = d.killed(s, pause)
	d.pending = append(d.pending, d.put(s, 9))
	s = d.killed(s, pause)
	if !run {
		return
	}
	s.stop(syscall.SIGKILL, patience)
	s = serve(d.t, d.data)
	s.await(patience, d.pending...)
	d.succeeded, d.pending = append(d.succeeded, d.pending...), nil
	d.expect(s)
}

// killed waits, kills the server, starts it again and looks.
func (d *deletion) killed(s *server, pause time.Duration) *server {
	d.expect(s)
	time.Sleep(pause)
	s.stop(syscall.SIGKILL, patience)
	s = serve(d.t, d.data, "--no-worker")
	d.expect(s)
	return s
}

// text is something of a random size, up to a few megabytes.
func (d *deletion) text() string { return strings.Repeat("0123456789", 1+d.random.IntN(200_000)) }

// put puts a prompt with a large record.
func (d *deletion) put(s *server, seed int) string {
	d.t.Helper()
	var answer struct {
		PromptID string `json:"prompt_id"`
	}
	body := map[string]any{"prompt": prompt(seed, 2), "extra_data": map[string]any{"note": d.text()}}
	if status := s.call("POST", "/prompt", body, &answer); status != http.StatusOK {
		d.t.Fatalf("POST /prompt: %d", status)
	}
	return answer.PromptID
}

// post deletes one prompt from the queue or the history.
func (d *deletion) post(s *server, path, id string) {
	d.t.Helper()
	if status := s.call("POST", path, map[string]any{"delete": []string{id}}, nil); status != http.StatusOK {
		d.t.Fatalf("POST %s: %d", path, status)
	}
}

// expect checks what is there.
func (d *deletion) expect(s *server) {
	d.t.Helper()
	var queue struct {
		Running [][]any `json:"queue_running"`
		Pending [][]any `json:"queue_pending"`
	}
	s.call("GET", "/queue", nil, &queue)
	pending := []string{}
	for _, item := range slices.Concat(queue.Running, queue.Pending) {
		pending = append(pending, fmt.Sprint(item[1]))
	}
	var files []string
	if status := s.call("GET", "/userdata?dir=workflows&recurse=true", nil, &files); status != http.StatusOK {
		d.t.Errorf("GET /userdata: %d", status)
	}
	for i := range files {
		files[i] = "workflows/" + strings.TrimPrefix(files[i], "workflows/")
	}
	for what, pair := range map[string][2][]string{
		"pending": {pending, d.pending}, "history": {slices.Collect(maps.Keys(s.history())), d.succeeded}, "user data": {files, d.userdata},
	} {
		if got, want := slices.Sorted(slices.Values(pair[0])), slices.Sorted(slices.Values(pair[1])); !slices.Equal(got, want) {
			d.t.Errorf("%s: there is %v, and %v should be", what, got, want)
		}
	}
}

func without(list []string, gone string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return one == gone })
}
