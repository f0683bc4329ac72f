package server_test

import (
	"testing"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// TestStatsSayWhereTextEncodersAre asks a server that has them leave before runs.
func TestStatsSayWhereTextEncodersAre(t *testing.T) {
	torchtest.Require(t)
	s := server.New(server.Options{Registry: nodes.Standard(), ModelPaths: []string{mini}, TextOffload: diffusion.TextOffloadAlways})
	client, _ := goplugin.TestPluginGRPCConn(t, false, plugin.Versions(s, s.Guidance())[plugin.ProtocolVersion])
	t.Cleanup(func() {
		client.Close()
		s.Close()
	})
	dispensed, err := client.Dispense(plugin.NodesName)
	if err != nil {
		t.Fatal(err)
	}
	n := dispensed.(*plugin.Nodes)
	held := func() (there, away uint64) {
		for _, d := range stats(t, n).Devices { // none before libtorch is loaded
			there, away = there+d.TextBytes, away+d.TextAwayBytes
		}
		return there, away
	}
	if there, away := held(); there != 0 || away != 0 {
		t.Errorf("without a model there are %d bytes of text encoders, and %d away", there, away)
	}
	model := run(t, n, "CheckpointLoaderSimple", map[string]plugin.Value{"ckpt_name": number(`"mini"`)}).Outputs
	prompt := func(text string) plugin.Value {
		return run(t, n, "CLIPTextEncode", map[string]plugin.Value{"text": number(text), "clip": model[1]}).Outputs[0]
	}
	positive, negative := prompt(`"two cats"`), prompt(`""`)
	all, away := held()
	if all == 0 || away != 0 {
		t.Errorf("after encoding %d bytes are there and %d away", all, away)
	}
	latent := run(t, n, "EmptyLatentImage", map[string]plugin.Value{"width": number("32"), "height": number("32"), "batch_size": number("1")}).Outputs[0]
	run(t, n, "KSampler", map[string]plugin.Value{
		"model": model[0], "positive": positive, "negative": negative, "latent_image": latent, "seed": number("1"), "steps": number("1"),
		"cfg": number("2"), "sampler_name": number(`"euler"`), "scheduler": number(`"normal"`), "denoise": number("1"),
	})
	if there, away := held(); there != 0 || away != all {
		t.Errorf("after a run %d bytes are there and %d away, of %d", there, away, all)
	}
	prompt(`"a dog"`)
	if there, away := held(); there != all || away != 0 {
		t.Errorf("after encoding once more %d bytes are there and %d away, of %d", there, away, all)
	}
}
