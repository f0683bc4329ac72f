//go:build unix

package server_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// The test binary is also the plugin process (with the small registry) and the hosts that tests kill.
const roleEnv = "ISAC_TEST_ROLE"

// mini is the folder of the bundled model.
var mini = filepath.Join("..", "..", "examples", "mini")

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "plugin":
		if !server.Started() {
			fmt.Fprintln(os.Stderr, "this is a plugin")
			os.Exit(1)
		}
		var most plugin.Bytes
		if text := os.Getenv(plugin.EnvMaxMemory); text != "" {
			if err := most.UnmarshalText([]byte(text)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(server.Serve(server.Options{Registry: registry(), Version: "test", MaxMemory: int64(most)}, hclog.Info))
	case "models":
		os.Exit(server.Serve(server.Options{Registry: nodes.Standard(), ModelPaths: []string{mini}}, hclog.Info))
	case "host":
		os.Exit(host())
	case "foreign-host":
		os.Exit(foreignHost())
	}
	os.Exit(m.Run())
}

// host starts the plugin named by its argument, says its process number, begins an endless node, and waits to be killed. With a
// second argument it closes the plugin on an interrupt, as a well-behaved host does.
func host() int {
	ctx := context.Background()
	if len(os.Args) > 2 {
		var stop func()
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt)
		defer stop()
	}
	c, err := plugin.Start(ctx, plugin.Config{Path: os.Args[1], Env: []string{roleEnv + "=plugin"}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer c.Close()
	return work(ctx, c.Nodes, c.PID())
}

// work says the plugin's own process number and keeps it busy until ctx ends.
func work(ctx context.Context, n *plugin.Nodes, pid int) int {
	s, err := n.Stats(ctx)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(s.PID, pid)
	for ctx.Err() == nil {
		m, err := n.Execute(ctx, plugin.Request{Class: "Diagonal", Inputs: map[string]plugin.Value{"size": number("64"), "value": number("1")}}, nil)
		if err != nil {
			// Without libtorch the process idles, which is as good for what is tested.
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		_, _ = n.Execute(ctx, plugin.Request{Class: "Eigenvalue", Inputs: map[string]plugin.Value{"matrix": m.Outputs[0], "steps": number("1000000000")}}, nil)
	}
	return 0
}

// foreignHost starts the plugin as any go-plugin host does, without a lifeline and without a private directory.
func foreignHost() int {
	// go-plugin adds its own environment behind the command's.
	if err := os.Setenv(roleEnv, "plugin"); err != nil {
		fmt.Println(err)
		return 1
	}
	cmd := exec.Command(os.Args[1])
	c := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: plugin.Handshake, VersionedPlugins: plugin.Versions(nil), Cmd: cmd,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	protocol, err := c.Client()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	dispensed, err := protocol.Dispense(plugin.NodesName)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return work(context.Background(), dispensed.(*plugin.Nodes), cmd.Process.Pid)
}
