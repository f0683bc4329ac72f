package queue

import "time"

// What the queue is made of in NATS. `nats kv get isac_prompts ID` and the like show it from outside.
const (
	promptsBucket = "isac_prompts"
	workersBucket = "isac_workers"
	indexBucket   = "isac_index"
	objectsBucket = "isac_objects"
	workStream    = "isac_work"
	workSubject   = "isac.work"
	workConsumer  = "workers"
	eventSubject  = "isac.event."
	freeSubject   = "isac.free"
	askSubject    = "isac.worker."
)

// Headers of events and tickets.
const (
	attemptHeader  = "Isac-Attempt"
	numberHeader   = "Isac-Number"
	nodeHeader     = "Isac-Node"
	typeHeader     = "Isac-Type"
	formatHeader   = "Isac-Format"
	revisionHeader = "Isac-Revision"
)

const (
	// maxDeaths bounds the workers that may die over one prompt.
	maxDeaths = 3
	// beatEvery is how often a worker says that it lives; after deadAfter without, it is taken for dead.
	beatEvery = 2 * time.Second
	deadAfter = 15 * time.Second
	// ackWait is how long a ticket may go without a sign of life; progressEvery is how often one is given.
	ackWait       = 10 * time.Second
	progressEvery = 3 * time.Second
	// markerTime is how long the mark of a removed key stays, for those who watch.
	markerTime = time.Minute
	// callTime bounds one request to NATS.
	callTime = 10 * time.Second
	// objectTime bounds sending one file.
	objectTime = time.Minute
)
