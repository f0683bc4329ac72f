package main

import (
	"slices"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/isac-guidance/isac/plugin"
)

// TestPluginsComputeAsAsked: every command that starts a plugin passes on how it shall compute, from flags or the environment.
func TestPluginsComputeAsAsked(t *testing.T) {
	for _, c := range []struct {
		args  []string
		env   string
		want  []string
		which func(*commands) *plugins
	}{
		{[]string{"run", "x.json", "--out", "x", "--dtype", "float16", "--checkpointing", "on", "--vae-tiling", "off", "--text-offload", "never"}, "", []string{"float16", "on", "off", "never"}, func(c *commands) *plugins { return &c.Run.plugins }},
		{[]string{"serve", "--dtype", "bfloat16"}, "", []string{"bfloat16", "auto", "auto", "auto"}, func(c *commands) *plugins { return &c.Serve.plugins }},
		{[]string{"worker", "--checkpointing", "off", "--vae-tiling", "on", "--text-offload", "always"}, "float32", []string{"float32", "off", "on", "always"}, func(c *commands) *plugins { return &c.Worker.plugins }},
	} {
		if c.env != "" {
			t.Setenv(plugin.EnvDType, c.env)
		}
		var all commands
		if _, err := kong.Must(&all, kong.Vars{"version": "test"}).Parse(c.args); err != nil {
			t.Fatal(err)
		}
		got := c.which(&all).config("").Env
		for i, name := range []string{plugin.EnvDType, plugin.EnvCheckpointing, plugin.EnvVAETiling, plugin.EnvTextOffload} {
			if want := name + "=" + c.want[i]; !slices.Contains(got, want) {
				t.Errorf("%q: the environment is %q, want %s", c.args, got, want)
			}
		}
	}
}
