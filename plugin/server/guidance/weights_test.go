package guidance_test

import (
	"crypto/sha256"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/synth"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// hostTensors reads tensors of a single file in a type, as a host that has loaded it has them.
func hostTensors(t *testing.T, path string, dtype plugin.DType, names ...string) []plugin.GuidanceWeight {
	t.Helper()
	src, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var out []plugin.GuidanceWeight
	err = torch.InScope(func() error {
		for _, name := range names {
			x, err := src.Tensor(name)
			if err != nil {
				return err
			}
			out = append(out, plugin.GuidanceWeight{Name: name, DType: dtype, SHA256: sha256.Sum256(sent(x, dtype).Data)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWeightsOfTheHost plays a host that has loaded single files of several families, and tells which weights it has: those of the same file
// or of the same model in a folder open, in any of the host's types; those of another file, and names that a checkpoint does not have, are
// refused.
func TestWeightsOfTheHost(t *testing.T) {
	dir := t.TempDir()
	kinds := map[string][]string{
		"sd1":  {"model.diffusion_model.out.2.weight", "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", "model.diffusion_model.output_blocks.2.1.conv.weight"},
		"sdxl": {"model.diffusion_model.out.2.weight", "model.diffusion_model.label_emb.0.0.weight", "model.diffusion_model.middle_block.1.norm.bias"},
		"sd3":  {"model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", "model.diffusion_model.final_layer.adaLN_modulation.1.weight", "model.diffusion_model.pos_embed"},
	}
	write := func(name, kind string, layout family.Layout, seed uint64) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if _, err := synth.Write(path, synth.Options{Kind: kind, Small: true, Layout: layout, DType: weights.F16, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		return path
	}
	h := serve(t, server.Options{Registry: nodes.Standard(), ModelPaths: []string{dir}})
	for kind, names := range kinds {
		t.Run(kind, func(t *testing.T) {
			path := write(kind+".safetensors", kind, family.SingleFile, 1)
			other := write(kind+"-other.safetensors", kind, family.SingleFile, 2)
			write(kind+"-folder", kind, family.Diffusers, 1)
			open := func(checkpoint string, w ...plugin.GuidanceWeight) error {
				config := simple()
				config.Checkpoint, config.Weights = checkpoint, w
				s, err := h.Guidance.Open(t.Context(), config)
				if err == nil {
					s.Close()
				}
				return err
			}
			for _, dtype := range []plugin.DType{plugin.Float16, plugin.Float32, plugin.BFloat16} {
				for _, checkpoint := range []string{kind + ".safetensors", kind + "-folder"} {
					if err := open(checkpoint, hostTensors(t, path, dtype, names...)...); err != nil {
						t.Errorf("%s in type %v: %v", checkpoint, dtype, err)
					}
				}
			}
			for _, checkpoint := range []string{kind + ".safetensors", kind + "-folder"} {
				one := hostTensors(t, other, plugin.Float16, names[0])
				refused(t, open(checkpoint, one...), plugin.KindInvalidInput,
					`checkpoint "`+checkpoint+`" is not the model that the host evaluates: `+names[0]+` differs (choose the file that the host loaded)`, "weights")
				missing := append(hostTensors(t, other, plugin.Float16, names[:2]...), plugin.GuidanceWeight{Name: "model.diffusion_model.none", DType: plugin.Float16})
				refused(t, open(checkpoint, missing...), plugin.KindInvalidInput, names[0]+", "+names[1]+" differ; it has no model.diffusion_model.none (choose", "weights")
			}
			h.idle(t)
		})
	}
	one := hostTensors(t, filepath.Join(dir, "sd1.safetensors"), plugin.Float16, kinds["sd1"][0])
	one[0].DType, one[0].Name = 9, ""
	config := simple()
	config.Checkpoint, config.Weights = "sd1.safetensors", one
	_, err := h.Guidance.Open(t.Context(), config)
	refused(t, err, plugin.KindInvalidInput, "it must be float32, float16 or bfloat16", "weights")
	refused(t, err, plugin.KindInvalidInput, "a tensor without a name", "weights")
}
