package queue

import (
	"encoding/base64"
	"time"
)

// What the API server is asked on. One subscription has all of it, so that what a worker says arrives in its order.
const (
	askSubjects  = "isac.queue.*"
	helloSubject = "isac.queue.hello"
	claimSubject = "isac.queue.claim"
	beatSubject  = "isac.queue.beat"
	leaveSubject = "isac.queue.leave"
)

// What workers listen to.
const (
	// workSubject: there may be something to claim.
	workSubject   = "isac.work"
	freeSubject   = "isac.free"
	workerSubject = "isac.worker."
)

// protocol is the version of all that API server and workers say to each other.
const protocol = 3

const (
	// maxDeaths bounds the workers that may die over one prompt.
	maxDeaths = 3
	// beatEvery is how often a worker says that it lives; after deadAfter without, it is taken for dead.
	beatEvery = 2 * time.Second
	deadAfter = 15 * time.Second
	// lookEvery is how often a worker asks for a prompt without having been told of one.
	lookEvery = time.Second
	// callTime bounds one question with its answer.
	callTime = 10 * time.Second
	// leaveTime is how long a worker that stops tries to say so.
	leaveTime = 5 * time.Second
)

// describeSubject is where a worker is asked for its nodes, verdictSubject where it is told of its run.
func describeSubject(worker string) string { return workerSubject + token(worker) + ".describe" }
func verdictSubject(worker string) string  { return workerSubject + token(worker) + ".verdict" }

// token makes one token of a subject of any text.
func token(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
