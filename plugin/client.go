package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Client is a running plugin process and the connection to it. It may be used by several goroutines at once. Close has to
// be called; should the host die without, the process notices and cleans up after both.
type Client struct {
	*Nodes
	// Guidance opens sessions for hosts that sample themselves.
	Guidance *Guidance

	conn    *grpc.ClientConn
	plugin  *goplugin.Client
	process *process
	dir     *privateDir
	// kill ends the process at once, also one that is only about to start.
	kill    context.CancelFunc
	grace   time.Duration
	closing sync.Once
	closed  atomic.Bool
	failure error
}

// ErrClosed is what calls return after Close.
var ErrClosed = errors.New("the plugin's client is closed")

// Start starts the process and waits until it answers. ctx bounds the start alone; the process lives until Close.
func Start(ctx context.Context, config Config) (*Client, error) {
	config = config.withDefaults()
	path, err := FindBinary(config.Path)
	if err != nil {
		return nil, err
	}
	dir, err := newPrivateDir(config.TempDir)
	if err != nil {
		return nil, err
	}
	killed, kill := context.WithCancel(context.Background())
	c := &Client{dir: dir, grace: config.GraceTime, kill: kill}
	last := new(tail)
	// go-plugin writes to it from several goroutines.
	stderr := &lockedWriter{to: config.Stderr}
	c.plugin = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: Versions(nil),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		GRPCDialOptions:  DialOptions(),
		Logger:           config.Logger,
		Stderr:           io.MultiWriter(last, stderr),
		// What Go code of the process prints to its standard output belongs to its log.
		SyncStdout: stderr,
		SyncStderr: stderr,
		// connect bounds it, and says so better.
		StartTimeout:     config.StartTimeout + time.Minute,
		SkipHostEnv:      true,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: dir.path},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			cmd.Path, cmd.Args = path, append([]string{path}, config.Args...)
			// Temporary files of the process and of its libraries go where they are removed.
			own := []string{EnvLifeline + "=stdin", EnvPrivateDir + "=" + dir.path, "TMPDIR=" + dir.path}
			cmd.Env = append(environment(config.Env...), append(own, cmd.Env...)...)
			c.process = newProcess(cmd, killed, last)
			return c.process, nil
		},
	})
	if err := c.connect(ctx, config.StartTimeout); err != nil {
		// The reason first: closing makes every process exit.
		err = c.explainStart(path, err)
		return nil, errors.Join(err, c.Close())
	}
	go func() {
		<-c.process.exited
		// A process that was killed could not; Close reports it if this fails.
		_ = c.dir.remove()
	}()
	return c, nil
}

// connect starts the process, shakes hands and asks for its health.
func (c *Client) connect(ctx context.Context, timeout time.Duration) error {
	given := ctx
	ctx, stop := context.WithTimeout(given, timeout)
	defer stop()
	type answer struct {
		protocol goplugin.ClientProtocol
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		protocol, err := c.plugin.Client()
		answers <- answer{protocol, err}
	}()
	var got answer
	select {
	case got = <-answers:
	case <-ctx.Done():
		c.kill()
		// Returns at once now; until it has, c.process belongs to it.
		<-answers
		if given.Err() == nil {
			return fmt.Errorf("it did not answer within %v; where the first start reads gigabytes of libraries give it longer "+
				"(isac-host --plugin-timeout, Config.StartTimeout): %w", timeout, ctx.Err())
		}
		return ctx.Err()
	}
	if got.err != nil {
		return got.err
	}
	connected, ok := got.protocol.(*goplugin.GRPCClient)
	if !ok {
		return fmt.Errorf("the plugin speaks %T, not gRPC", got.protocol)
	}
	c.conn = connected.Conn
	dispensed, err := connected.Dispense(NodesName)
	if err != nil {
		return err
	}
	if c.Nodes, ok = dispensed.(*Nodes); !ok {
		return fmt.Errorf("the plugin's %q is a %T, not a *plugin.Nodes; the protocol versions of host and plugin are mixed up", NodesName, dispensed)
	}
	c.Nodes.explain = c.explain
	c.Guidance = &Guidance{rpc: isacpb.NewGuidanceClient(c.conn), explain: c.explain, folder: c.dir.path}
	return c.Ping(ctx)
}

// explainStart says why a process did not start.
func (c *Client) explainStart(path string, err error) error {
	if strings.HasPrefix(err.Error(), "incompatible API version") {
		return fmt.Errorf("%s and this host speak different versions of the contract; use both from one release: %w", path, err)
	}
	if line, ok := strings.CutPrefix(err.Error(), "Unrecognized remote plugin message: "); ok && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "\n") {
		line, _, _ = strings.Cut(line, "\n")
		return fmt.Errorf("start %s: it printed %q to its standard output before the line with which plugins begin: let it, and a script around it, "+
			"print to standard error (>&2): %w", path, line, err)
	}
	if c.process != nil && c.process.ID() != "" {
		select {
		case <-c.process.exited:
			if !c.process.killedByUs() {
				err = c.process.exitError()
			}
		case <-time.After(time.Second):
		}
	}
	return fmt.Errorf("start %s: %w", path, err)
}

// explain says of a call that lost its connection why.
func (c *Client) explain(doing string, err error) error {
	if c.closed.Load() {
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	}
	if status.Code(err) == codes.Unavailable {
		// The connection may break a moment before the process is gone.
		select {
		case <-c.process.exited:
			return fmt.Errorf("%s: %w", doing, c.process.exitError())
		case <-time.After(2 * time.Second):
		}
	}
	return err
}

// Ping asks the process for its health.
func (c *Client) Ping(ctx context.Context) error {
	answer, err := grpc_health_v1.NewHealthClient(c.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	if err != nil {
		return c.explain("ping", err)
	}
	if answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("ping: the plugin says %s", answer.Status)
	}
	return nil
}

// Exited is closed when the process is gone, for whatever reason. Err says why.
func (c *Client) Exited() <-chan struct{} { return c.process.exited }

// Err is nil while the process lives and after Close, else an *ExitError.
func (c *Client) Err() error {
	select {
	case <-c.process.exited:
		if c.closed.Load() {
			return nil
		}
		return c.process.exitError()
	default:
		return nil
	}
}

// PID is the process's number.
func (c *Client) PID() int { return c.process.cmd.Process.Pid }

// Close asks the process to end, kills it after the grace time, and removes what it used on disk. Calls that are under way
// return ErrClosed. A second Close returns what the first did.
func (c *Client) Close() error {
	c.closing.Do(func() {
		c.closed.Store(true)
		deadline := time.AfterFunc(c.grace, c.kill)
		c.plugin.Kill()
		deadline.Stop()
		c.kill()
		if c.process != nil && c.process.ID() != "" {
			<-c.process.exited
		}
		if err := c.dir.remove(); err != nil {
			c.failure = fmt.Errorf("remove the plugin's socket: %w", err)
		}
	})
	return c.failure
}
