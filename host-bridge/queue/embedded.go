package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// embeddedPayload is what a message of the embedded server may hold.
const embeddedPayload = 8 << 20

// embedded is a nats-server in this process.
type embedded struct {
	server *server.Server
	token  string
}

// startEmbedded starts the server over the folder "queue" of data. With listen empty nobody outside this process can reach it;
// else it listens there, and wants the token.
func startEmbedded(data, listen, token string, log *slog.Logger) (*embedded, error) {
	options := &server.Options{
		ServerName: "isac-host", DontListen: true, JetStream: true, StoreDir: filepath.Join(data, "queue"),
		NoSigs: true, MaxPayload: embeddedPayload, NoSystemAccount: true,
		// A killed process loses nothing whatever this is: what is written is in the kernel's hands. A machine that loses its power
		// may lose the last seconds.
		SyncInterval: 5 * time.Second,
	}
	if listen != "" {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			return nil, fmt.Errorf("listen on %q: expected host:port, such as 127.0.0.1:4222: %w", listen, err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("listen on %q: %q is no port: %w", listen, port, err)
		}
		if token == "" {
			return nil, fmt.Errorf("listen on %q: workers would be let in without a token; give one", listen)
		}
		options.DontListen, options.Host, options.Port, options.Authorization = false, host, int(number), token
		if number == 0 {
			options.Port = server.RANDOM_PORT
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("the embedded nats server: %w", err)
	}
	lines := &serverLog{log: log}
	s.SetLoggerV2(lines, false, false, false)
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		if err := lines.failure(); err != nil {
			return nil, fmt.Errorf("the embedded nats server: %w", err)
		}
		return nil, errors.New("the embedded nats server did not get ready in 20 s; see its log")
	}
	return &embedded{server: s, token: options.Authorization}, nil
}

// address is where it listens; empty where it does not.
func (e *embedded) address() string {
	if a := e.server.Addr(); a != nil {
		return a.String()
	}
	return ""
}

// options are how this process connects to it.
func (e *embedded) options() []nats.Option {
	options := []nats.Option{nats.InProcessServer(e.server)}
	if e.token != "" {
		options = append(options, nats.Token(e.token))
	}
	return options
}

func (e *embedded) close() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}
