package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/isac-guidance/isac/isac/bench"
)

// benchReport is bench report.
type benchReport struct {
	Folders []string `arg:"" name:"dir" type:"existingdir" help:"Folders of results; several are put together, if their settings agree."`
	Out     string   `placeholder:"DIR" help:"Where tables and plots go; default: the first folder."`
	Against string   `placeholder:"METHOD" help:"Compare the others with this one; default: the one that the first folder's bench was given, or plain sampling."`
	Methods []string `placeholder:"METHOD" help:"Compare these alone; default: all that there are. Only pairs that all of them have count."`
}

// Run writes the report.
func (b *benchReport) Run() error {
	var folders []*bench.Folder
	var errs []error
	for _, path := range b.Folders {
		folder, err := bench.ReadFolder(path)
		errs = append(errs, err)
		folders = append(folders, folder)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if b.Against != "" {
		against, err := bench.ParseMethod(b.Against)
		if err != nil {
			return err
		}
		folders[0].Settings.Against = against.String()
	}
	to := b.Out
	if to == "" {
		to = b.Folders[0]
	}
	return writeReport(os.Stdout, folders, to, b.Methods)
}

// writeReport writes a report and names its files.
func writeReport(stdout io.Writer, folders []*bench.Folder, to string, methods []string) error {
	written, err := bench.Report(folders, to, methods)
	for _, path := range written {
		fmt.Fprintln(stdout, path)
	}
	return err
}
