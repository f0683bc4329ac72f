// Client starts isac-plugin, loads the mini model, encodes a prompt with it, and prints what came back.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/isac-guidance/isac/plugin"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	c, err := plugin.Start(ctx, plugin.Config{Path: os.Getenv("ISAC_PLUGIN"), Env: []string{plugin.EnvModels + "=examples/mini"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	load := map[string]plugin.Value{"ckpt_name": {JSON: []byte(`"mini"`)}}
	loaded, err := c.Execute(ctx, plugin.Request{NodeID: "1", Class: "CheckpointLoaderSimple", Inputs: load}, nil)
	if err != nil {
		return err
	}
	// Model, text encoder and autoencoder stay in the process; handles stand for them.
	encode := map[string]plugin.Value{"clip": loaded.Outputs[1], "text": {JSON: []byte(`"two cats and a dog"`)}}
	encoded, err := c.Execute(ctx, plugin.Request{NodeID: "2", Class: "CLIPTextEncode", Inputs: encode}, nil)
	if err != nil {
		return err
	}
	for _, v := range append(loaded.Outputs, encoded.Outputs...) {
		fmt.Println(v.Handle.Type, v.Handle.ID)
	}
	return c.Release(ctx, encoded.Outputs[0].Handle.ID) // Close ends the process, and with it all other handles
}
