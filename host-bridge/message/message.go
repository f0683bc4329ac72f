// Package message holds what ComfyUI's WebSocket tells its clients: one type a message, and the shapes that they share.
// Workers write them, the API server relays them.
package message

import (
	"encoding/json"
	"fmt"
	"time"
)

// Message is one text frame. Its JSON is {"type": …, "data": …}.
type Message struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Event is the data of a message; its type follows from the Go type.
type Event interface{ messageType() string }

// Of wraps an event.
func Of(e Event) Message {
	data, err := json.Marshal(e)
	if err != nil { // the types below hold only what JSON can
		panic(fmt.Sprintf("message: %s cannot be written as json: %v", e.messageType(), err))
	}
	return Message{Type: e.messageType(), Data: data}
}

// Milliseconds is how ComfyUI writes a time: milliseconds since 1970.
type Milliseconds int64

// At writes a time.
func At(t time.Time) Milliseconds { return Milliseconds(t.UnixMilli()) }
