//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/isac-guidance/isac/plugin"
)

// TestSecretsStayWithTheHost: what a plugin finds in its environment, by a program that writes it down. Every variable that a command
// of isac-host reads is set; the plugin may know those that are for it, or are no secret.
func TestSecretsStayWithTheHost(t *testing.T) {
	dir := t.TempDir()
	seen, program := filepath.Join(dir, "seen"), filepath.Join(dir, "plugin")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nenv >"+seen+"\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"ISAC_LOG": true, "ISAC_LOG_FORMAT": true, "ISAC_MODELS": true, "ISAC_DEVICE": true, "ISAC_PLUGIN": true, "ISAC_DATA": true,
		"ISAC_TLS_CERT": true, "ISAC_MAX_MEMORY": true, "ISAC_DTYPE": true, "ISAC_CHECKPOINTING": true, "ISAC_VAE_TILING": true, "ISAC_TEXT_OFFLOAD": true, "ISAC_PLUGIN_TIMEOUT": true}
	var names []string
	parser := kong.Must(&commands{}, kong.Vars{"version": "test"})
	for _, command := range parser.Model.Children {
		for _, flag := range command.Flags {
			names = append(names, flag.Envs...)
		}
	}
	for _, must := range []string{"ISAC_TOKEN", "ISAC_NATS", "ISAC_NATS_CREDS"} {
		if !strings.Contains(strings.Join(names, "\n"), must) {
			t.Fatalf("%s is no variable of a command; they are %v", must, names)
		}
	}
	for _, name := range names {
		t.Setenv(name, "value-of-"+name)
	}
	for _, config := range (&plugins{Device: "cpu"}).configs([]string{program}, nil) {
		client, err := plugin.Start(t.Context(), config)
		if err == nil {
			t.Fatal("a program that is no plugin started", client.Close())
		}
	}
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !known[name] && strings.Contains(string(text), "value-of-"+name) {
			t.Errorf("%s reaches the plugin", name)
		}
	}
	if !strings.Contains(string(text), "PATH=") {
		t.Error("the plugin got no environment at all")
	}
}
