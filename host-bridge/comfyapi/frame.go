package comfyapi

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/gorilla/websocket"
	"github.com/isac-guidance/isac/host-bridge/events"
	"github.com/isac-guidance/isac/host-bridge/message"
)

// frame is one message to sockets, made once for all of them.
type frame struct {
	prepared *websocket.PreparedMessage
	bytes    int
	text     bool
	// class says what may happen to it while it waits for a socket that is behind.
	class class
	// key is what a newer frame of the class has to share with it to take its place.
	key string
}

// class of a frame.
type class int

const (
	// needed frames are sent, or the socket is closed.
	needed class = iota
	// latest frames say how things are: of those with one key only the newest matters.
	latest
	// preview is a picture that the next one replaces, also in a socket that is hardly behind: it is the bulk of all bytes.
	preview
	// report is one of many: a socket that is far behind gets the newest ones.
	report
)

// The binary messages of ComfyUI, and the formats of their pictures.
const (
	binaryPreview         = 1
	binaryPreviewMetadata = 4
	formatJPEG            = 1
	formatPNG             = 2
)

func textFrame(m message.Message) (*frame, error) {
	text, err := plainJSON(m)
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", m.Type, err)
	}
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		return nil, err
	}
	f := &frame{prepared: prepared, bytes: len(text), text: true}
	f.class, f.key = classOf(m)
	return f, nil
}

// classOf says which messages may be left out for a socket that is behind.
func classOf(m message.Message) (class, string) {
	switch m.Type {
	case "status":
		return latest, m.Type
	case "progress_state", "progress":
		var of struct {
			PromptID string `json:"prompt_id"`
			Node     string `json:"node"`
		}
		if json.Unmarshal(m.Data, &of) != nil {
			return needed, ""
		}
		return latest, m.Type + " " + of.PromptID + " " + of.Node
	case "isac_step", "logs":
		return report, m.Type
	}
	return needed, ""
}

// pictureFrames gives a preview in both of its forms: plain, and with what it belongs to.
func pictureFrames(p *events.Preview) (plain, described *frame, err error) {
	format, kind := uint32(formatJPEG), "image/jpeg"
	if p.Format == "png" {
		format, kind = formatPNG, "image/png"
	}
	b := binary.BigEndian.AppendUint32(nil, binaryPreview)
	b = binary.BigEndian.AppendUint32(b, format)
	b = append(b, p.Data...)
	if plain, err = pictureFrame(b, p); err != nil {
		return nil, nil, err
	}
	about, err := plainJSON(struct {
		NodeID        string  `json:"node_id"`
		PromptID      string  `json:"prompt_id"`
		DisplayNodeID string  `json:"display_node_id"`
		ParentNodeID  *string `json:"parent_node_id"`
		RealNodeID    string  `json:"real_node_id"`
		ImageType     string  `json:"image_type"`
	}{p.NodeID, p.PromptID, p.NodeID, nil, p.NodeID, kind})
	if err != nil {
		return nil, nil, err
	}
	b = binary.BigEndian.AppendUint32(nil, binaryPreviewMetadata)
	b = binary.BigEndian.AppendUint32(b, uint32(len(about)))
	b = append(b, about...)
	b = append(b, p.Data...)
	described, err = pictureFrame(b, p)
	return plain, described, err
}

func pictureFrame(b []byte, p *events.Preview) (*frame, error) {
	prepared, err := websocket.NewPreparedMessage(websocket.BinaryMessage, b)
	if err != nil {
		return nil, err
	}
	return &frame{prepared: prepared, bytes: len(b), class: preview, key: p.PromptID + " " + p.NodeID}, nil
}
