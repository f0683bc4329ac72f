package message

// Status is told to every client whenever the queue changes. SID is given only in the first one of a socket.
type Status struct {
	Status StatusOf `json:"status"`
	SID    string   `json:"sid,omitempty"`
}

// StatusOf is the inner object of Status and of GET /prompt.
type StatusOf struct {
	ExecInfo ExecInfo `json:"exec_info"`
}

// ExecInfo counts the prompts that are pending or running.
type ExecInfo struct {
	QueueRemaining int `json:"queue_remaining"`
}

func (Status) messageType() string { return "status" }
