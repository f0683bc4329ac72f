package comfyapi

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/isac-guidance/isac/host-bridge/message"
)

// maxClientID bounds the ids that clients give themselves; theirs are 32 to 36 bytes.
const maxClientID = 200

// pingEvery keeps proxies from closing a socket on which nothing happens. Whether a client answers is left to it: there are clients
// that read only while they wait for a result.
const pingEvery = 30 * time.Second

// goodbye is how long a client has to answer the close of its socket.
const goodbye = time.Second

// socket is one client's connection.
type socket struct {
	sid string
	hub *hub
	out *outbox
	// number is higher than that of every socket that came before.
	number uint64
	// conn is set by connect, and only close may look at it before.
	conn *websocket.Conn
	mu   sync.Mutex // of conn
	// described: the client takes previews that say what they belong to.
	described atomic.Bool
	// logs: since when the client wants to see the log; nil: it does not.
	logs atomic.Pointer[time.Time]
	// spoken is when a text message was last given to it, in Unix nanoseconds.
	spoken atomic.Int64
	once   sync.Once
	ended  chan struct{}
}

// upgrader takes any origin: the guard has looked at it.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: 10 * time.Second,
	ReadBufferSize:   1 << 10,
	WriteBufferSize:  4 << 10,
	WriteBufferPool:  &sync.Pool{},
	CheckOrigin:      func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		fail(w, status, "bad_request", "this is the address of a WebSocket: "+reason.Error())
	},
}

// socket serves GET /ws.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) error {
	sid := r.URL.Query().Get("clientId")
	if len(sid) > maxClientID {
		return wrong("clientId has %d bytes; at most %d are taken", len(sid), maxClientID)
	}
	if sid == "" {
		sid = newSID()
	}
	if !websocket.IsWebSocketUpgrade(r) { // it must not take the id from a socket, not even for a moment
		_, _ = upgrader.Upgrade(w, r, nil) // which answers what is wrong
		return nil
	}
	if err := s.hub.admit(); err != nil {
		return err
	}
	limits := s.config.Limits
	c := &socket{
		sid: sid, hub: s.hub, ended: make(chan struct{}),
		out: newOutbox(limits.SocketFrames, limits.SocketBytes, s.metrics.previewDropped),
	}
	// It hears from now on: a client that has its answer may put a prompt at once, and must miss nothing of it.
	s.hub.join(c)
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		c.close()
		return nil // the upgrader has answered
	}
	c.connect(conn)
	go c.write(limits.SocketWrite)
	c.read(limits.SocketMessageBytes)
	return nil
}

// connect gives the socket its connection, which is closed at once where the socket was closed meanwhile.
func (c *socket) connect(conn *websocket.Conn) {
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	select {
	case <-c.ended:
		_ = conn.Close()
	default:
	}
}

// read hears the client until it is gone. Its first message may name what it can do; all others mean nothing.
func (c *socket) read(limit int64) {
	defer c.close()
	c.conn.SetReadLimit(limit)
	for first := true; ; {
		kind, text, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage {
			continue
		}
		var m message.Message
		if json.Unmarshal(text, &m) != nil {
			continue // as in ComfyUI it is no message, not even a first one
		}
		if first && m.Type == "feature_flags" {
			var flags struct {
				Metadata bool `json:"supports_preview_metadata"`
			}
			_ = json.Unmarshal(m.Data, &flags) // of another shape: no flags
			c.described.Store(flags.Metadata)
			c.send(c.hub.features)
		}
		first = false
	}
}

// write sends what waits until the socket is closed.
func (c *socket) write(limit time.Duration) {
	defer c.close()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		f, done := c.out.take()
		switch {
		case f != nil:
			_ = c.conn.SetWriteDeadline(time.Now().Add(limit))
			if err := c.conn.WritePreparedMessage(f.prepared); err != nil {
				if isTimeout(err) {
					c.hub.slow(c, "it did not take a message for "+limit.String())
				}
				return
			}
			continue
		case done:
			_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, "the server ends"),
				time.Now().Add(goodbye))
			select { // a connection that is closed with something unread in it may lose what was sent
			case <-c.ended:
			case <-time.After(goodbye):
			}
			return
		}
		select {
		case <-c.out.ready:
		case <-ping.C:
			if c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(limit)) != nil {
				return
			}
		case <-c.ended:
			return
		}
	}
}

// send gives the socket a frame and never waits.
func (c *socket) send(f *frame) {
	if f.text {
		c.spoken.Store(time.Now().UnixNano())
	}
	if !c.out.push(f) {
		c.hub.slow(c, "too much waits for it")
		// Close may wait for the peer on some systems; whoever sends must not.
		go c.close()
	}
}

// close ends the socket; a second call does nothing.
func (c *socket) close() {
	c.once.Do(func() {
		c.hub.part(c)
		c.out.close()
		close(c.ended)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.conn != nil {
			_ = c.conn.Close()
		}
	})
}

func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}
