// Isac-host runs workflows in ComfyUI's API format with the nodes of isac-plugin, which it starts, and writes what they
// make. It holds no model and needs no libtorch.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	tty "golang.org/x/term"
)

// version is stamped by the build: -ldflags "-X main.version=v1.2.3".
var version = "devel"

const description = `Runs workflows of image generation with ISAC: the right number of the right things, from the prompt alone.`

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1   // a node failed, or the plugin
	exitWrong       = 2   // the command line or the workflow is wrong; nothing was run
	exitInterrupted = 130 // as a shell reports Ctrl-C
)

type commands struct {
	Serve   serveCommand     `cmd:"" help:"Serve ComfyUI's API and an editor page, with a queue and a worker."`
	Worker  workerCommand    `cmd:"" help:"Run prompts of an isac-host serve, on this machine or another."`
	Run     runCommand       `cmd:"" help:"Run a workflow and write the images that it makes."`
	Nodes   nodesCommand     `cmd:"" help:"List the nodes that workflows can use."`
	Version kong.VersionFlag `help:"Print the version."`
}

// console is what a command talks to.
type console struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	// terminal says that stderr is one, on which bars can be drawn.
	terminal bool
}

// wrongError is what the user has to mend before anything can run.
type wrongError struct{ err error }

func (e wrongError) Error() string { return e.err.Error() }
func (e wrongError) Unwrap() error { return e.err }

// errInterrupted is the cause of a context that a signal cancelled.
var errInterrupted = errors.New("interrupted")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		// The plugin notices that the host is gone, and cleans up after both.
		os.Exit(exitInterrupted)
	}()
	os.Exit(execute(os.Args[1:], &console{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, terminal: canDraw(os.Stderr)}))
}

// canDraw says whether bars can be drawn on a file: a terminal that has a size and moves its cursor.
func canDraw(file *os.File) bool {
	if os.Getenv("TERM") == "dumb" || !tty.IsTerminal(int(file.Fd())) {
		return false
	}
	width, height, err := tty.GetSize(int(file.Fd()))
	return err == nil && width >= labelWidth && height > 1
}

// ended is what kong's exit becomes, so that --help does not end the process of a test.
type ended int

// execute runs one command line and gives the exit status.
func execute(args []string, con *console) (status int) {
	defer func() {
		if r := recover(); r != nil {
			code, ours := r.(ended)
			if !ours {
				panic(r)
			}
			status = int(code)
		}
	}()
	var c commands
	parser := kong.Must(&c, kong.Name("isac-host"), kong.Description(description), kong.Writers(con.stdout, con.stderr),
		kong.Exit(func(code int) { panic(ended(code)) }), kong.Vars{"version": "isac-host " + version},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Bind(con))
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(con.stderr, "isac-host: %v (see isac-host --help)\n", err)
		return exitWrong
	}
	err = chosen.Run()
	var wrong wrongError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(context.Cause(con.ctx), errInterrupted):
		fmt.Fprintln(con.stderr, "isac-host: interrupted")
		return exitInterrupted
	case errors.As(err, &wrong):
		fmt.Fprintf(con.stderr, "isac-host: %v\n", err)
		return exitWrong
	}
	fmt.Fprintf(con.stderr, "isac-host: %v\n", err)
	return exitFailed
}
