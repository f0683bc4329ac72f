package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

type nodesCommand struct {
	Class []string `arg:"" optional:"" help:"Only these classes."`
	JSON  bool     `help:"Print what ComfyUI's /object_info gives."`
	process
}

// Run lists the nodes that the plugin offers.
func (c *nodesCommand) Run(con *console) (err error) {
	client, described, schemas, err := c.start(con)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	classes := c.Class
	if len(classes) == 0 {
		classes = slices.Sorted(maps.Keys(schemas))
	}
	entries := map[string]json.RawMessage{}
	for _, class := range classes {
		if schemas[class] == nil {
			return wrongError{fmt.Errorf("there is no node class %q; there are %s", class, shorten(slices.Sorted(maps.Keys(schemas))))}
		}
		entries[class] = described.Nodes[class]
	}
	if c.JSON {
		e := json.NewEncoder(con.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		return e.Encode(entries)
	}
	for i, class := range classes {
		if i > 0 {
			fmt.Fprintln(con.stdout)
		}
		if err := printSchema(con.stdout, schemas[class]); err != nil {
			return err
		}
	}
	return nil
}

func printSchema(to io.Writer, s *graph.Schema) error {
	title := s.Class
	if s.DisplayName != "" && s.DisplayName != s.Class {
		title += ", " + s.DisplayName
	}
	if s.Category != "" {
		title += " (" + s.Category + ")"
	}
	var outputs []string
	for _, o := range s.Outputs {
		text := o.Type
		if o.Name != "" && o.Name != o.Type {
			text = o.Name + " " + o.Type
		}
		outputs = append(outputs, text)
	}
	if s.Output {
		outputs = append(outputs, "output node")
	}
	fmt.Fprintf(to, "%s -> %s\n", title, strings.Join(outputs, ", "))
	if s.Description != "" {
		fmt.Fprintf(to, "  %s\n", s.Description)
	}
	var columns strings.Builder
	table := tabwriter.NewWriter(&columns, 0, 0, 2, ' ', 0)
	for _, in := range s.Inputs {
		fmt.Fprintf(table, "    %s\t%s\t%s\n", in.Name, in.Type, strings.Join(detailsOf(&in), ", "))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(columns.String()) {
		fmt.Fprintln(to, strings.TrimRight(line, " \n"))
	}
	return nil
}

// detailsOf are what else is to be known of an input.
func detailsOf(in *graph.InputSchema) []string {
	var details []string
	if !in.Required {
		details = append(details, "optional")
	}
	switch {
	case in.Min != "" && in.Max != "":
		details = append(details, fmt.Sprintf("%s to %s", in.Min, in.Max))
	case in.Min != "":
		details = append(details, "at least "+in.Min.String())
	case in.Max != "":
		details = append(details, "at most "+in.Max.String())
	}
	if in.Choices != nil {
		var choices []string
		for _, c := range in.Choices {
			choices = append(choices, fmt.Sprint(c))
		}
		details = append(details, "one of: "+shorten(choices))
	}
	if in.Default != nil && in.Default != "" {
		details = append(details, fmt.Sprintf("default %v", in.Default))
	}
	return details
}
