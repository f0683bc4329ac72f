package queue

// What workers ask the API server, and its answers, as JSON.

// hello asks who is there.
type hello struct {
	Protocol int `json:"protocol"`
}

// claimAsk asks for a prompt to run.
type claimAsk struct {
	Worker string `json:"worker"`
}

// claimAnswer has no record where nothing waits.
type claimAnswer struct {
	Record *Record `json:"record,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// beatAsk says that a worker lives; Attempt belongs to the prompt that it says it runs.
type beatAsk struct {
	WorkerInfo
	Attempt int `json:"attempt,omitempty"`
}

// verdict says whether a run is to go on.
type verdict struct {
	Prompt  string `json:"prompt"`
	Attempt int    `json:"attempt"`
	// Stop is empty where it is to go on.
	Stop stop `json:"stop,omitempty"`
}

type stop string

const (
	stopInterrupted stop = "interrupted"
	stopLost        stop = "lost"
)

// leaveAsk says that a worker is gone, and that what it ran waits for another.
type leaveAsk struct {
	Worker string `json:"worker"`
}

// endAsk is the end of a run.
type endAsk struct {
	State  State   `json:"state"`
	Result *Result `json:"result"`
}

// endAnswer: Ours says that the prompt was still this run's.
type endAnswer struct {
	Ours  bool   `json:"ours"`
	Error string `json:"error,omitempty"`
}

// freeRequest asks all workers to give memory back.
type freeRequest struct {
	UnloadModels bool `json:"unload_models"`
	FreeMemory   bool `json:"free_memory"`
}
