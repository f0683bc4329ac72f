#!/usr/bin/env python3
"""Writes LoRA files for the tiny random models, and what they make of them, into testdata/lora.

  make_lora.py COMFYUI

COMFYUI is a checkout of ComfyUI; run this with the Python that it runs with, where diffusers and transformers are as well.
ComfyUI's own code says which layer each name of a file means and what the changed weights are; diffusers' and transformers'
networks with these weights make the outputs, and PyTorch the gradient of the denoiser's output with respect to its input. Every
case is a file or several, one after the other, with the strengths noted in fixture.json.
"""

import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.lora  # noqa: E402
import comfy.model_base  # noqa: E402
import comfy.utils  # noqa: E402
import torch  # noqa: E402
from diffusers import SD3Transformer2DModel, UNet2DConditionModel  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import CLIPTextModel, CLIPTextModelWithProjection  # noqa: E402

HERE = Path(__file__).resolve().parent
torch.set_num_threads(1)

# ComfyUI logs what it cannot compute, and goes on without; torch.kron refuses the transposed tensors that ComfyUI makes of LoKr's kernels.
logging.getLogger().addFilter(lambda record: sys.exit(record.getMessage()) if record.levelno >= logging.ERROR else True)
kron = torch.kron
torch.kron = lambda a, b: kron(a.contiguous(), b.contiguous())

DEPTHS = {  # what ComfyUI's names ask of a UNet's configuration
    "tiny": dict(num_res_blocks=[2, 2, 2], channel_mult=[1, 2, 2], transformer_depth=[1, 1, 0, 0, 1, 1],
                 transformer_depth_output=[1, 1, 1, 0, 0, 0, 1, 1, 1], transformer_depth_middle=1),
    "tiny-sdxl": dict(num_res_blocks=[1, 1, 1], channel_mult=[1, 1, 2], transformer_depth=[0, 1, 2],
                      transformer_depth_output=[0, 0, 1, 1, 1, 2], transformer_depth_middle=2),
}


class Settings:
    def __init__(self, unet_config):
        self.unet_config = unet_config


class UNet:
    """Weights under the release's names, as far as ComfyUI's key maps look at a model."""

    def __init__(self, state, config):
        self.state, self.model_config = state, Settings(config)

    def state_dict(self):
        return self.state


class MMDiT(comfy.model_base.SD3):
    def __init__(self, state, config):
        torch.nn.Module.__init__(self)
        self.state, self.model_config = state, Settings(config)

    def state_dict(self):
        return self.state


class Denoiser:
    """A tiny denoiser under the release's names, and how it is put back under diffusers'."""

    def __init__(self, name):
        self.name = name
        if name == "tiny-sd3":
            raw = load_file(HERE / name / "single.safetensors")
            self.state = {k.removeprefix("model."): v.float() for k, v in raw.items() if k.startswith("model.diffusion_model.")}
            self.network = SD3Transformer2DModel.from_pretrained(HERE / name / "transformer").float()
            config = dict(depth=self.network.config.num_layers)
            self.to = comfy.utils.mmdit_to_diffusers(config, "diffusion_model.")
            self.model = MMDiT(self.state, config)
        else:
            self.network = UNet2DConditionModel.from_pretrained(HERE / name / "unet").float()
            own = self.network.state_dict()
            known = comfy.utils.unet_to_diffusers(DEPTHS[name])
            self.to = {k: "diffusion_model." + known[k] for k in own}
            self.state = {self.to[k]: v.clone() for k, v in own.items()}
            self.model = UNet(self.state, DEPTHS[name])
        self.network.eval()

    def keys(self):
        keys = comfy.lora.model_lora_keys_unet(self.model, {})
        there = {k: v for k, v in keys.items() if (v if isinstance(v, str) else v[0]) in self.state}
        return {k: self.rescaled(v) for k, v in there.items()}

    def rescaled(self, at):
        """ComfyUI takes a transformer to be 64 times as wide as it has blocks, which this one is not."""
        if isinstance(at, tuple) and at[1] is not None:
            dim, start, size = at[1]
            width = self.state[at[0]].shape[0] // 3
            return (at[0], (dim, start // size * width, width), *at[2:])
        return at

    def load(self, state):
        """Takes changed weights over."""
        own = {}
        for name in self.network.state_dict():
            at = self.rescaled(self.to[name])
            if isinstance(at, str):
                own[name] = state[at]
            elif at[1] is not None:
                own[name] = state[at[0]].narrow(*at[1])
            else:
                own[name] = at[2](state[at[0]])
        self.network.load_state_dict(own)

    def inputs(self):
        g = torch.Generator().manual_seed(11)
        c = self.network.config
        x = torch.randn(1, c.in_channels, 8, 8, generator=g)
        if self.name == "tiny-sd3":
            return {"x": x, "text": torch.randn(1, 5, c.joint_attention_dim, generator=g),
                    "pooled": torch.randn(1, c.pooled_projection_dim, generator=g)}
        found = {"x": x, "text": torch.randn(1, 5, c.cross_attention_dim, generator=g)}
        if self.name == "tiny-sdxl":
            found["pooled"] = torch.randn(1, c.projection_class_embeddings_input_dim - 6 * c.addition_time_embed_dim, generator=g)
        return found

    def outputs(self):
        i = self.inputs()
        x = i["x"].clone().requires_grad_(True)
        if self.name == "tiny-sd3":
            out = self.network(x, i["text"], i["pooled"], torch.tensor([400.0])).sample
        elif self.name == "tiny-sdxl":
            added = {"text_embeds": i["pooled"], "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]])}
            out = self.network(x, 400, i["text"], added_cond_kwargs=added).sample
        else:
            out = self.network(x, 400, i["text"]).sample
        weight = torch.cos(torch.arange(out.numel())).reshape(out.shape)
        (grad,) = torch.autograd.grad((out * weight).sum(), x)
        return {"out": out.detach(), "grad": grad}


class Text:
    """The text encoders under ComfyUI's names."""

    def __init__(self, name):
        folders = {"tiny": ["text_encoder"]}.get(name, ["text_encoder", "text_encoder_2"])
        self.networks, self.state, self.nick = [], {}, []
        for folder, nick in zip(folders, ["clip_l", "clip_g"]):
            cls = CLIPTextModel if name != "tiny-sd3" and nick == "clip_l" else CLIPTextModelWithProjection
            network = cls.from_pretrained(HERE / name / folder).float().eval()
            self.networks.append(network)
            self.nick.append(nick)
            for k, v in network.state_dict().items():
                self.state[self.full(nick, k)] = v.clone()

    @staticmethod
    def full(nick, key):
        below = key if key.startswith(("text_model.", "text_projection.")) else "text_model." + key
        return f"{nick}.transformer.{below}"

    def state_dict(self):
        return self.state

    def keys(self):
        return comfy.lora.model_lora_keys_clip(self, {})

    def load(self, state):
        for network, nick in zip(self.networks, self.nick):
            network.load_state_dict({k: state[self.full(nick, k)] for k in network.state_dict()})

    def outputs(self):
        found = {}
        for i, network in enumerate(self.networks):
            eos = network.config.eos_token_id
            ids = torch.tensor([[eos - 1, 40, 77, 5, 300, *[eos] * 3]])
            out = network(ids, output_hidden_states=True)
            found[f"ids.{i}"] = ids
            found[f"hidden.{i}"] = out.hidden_states[-1].detach()
            found[f"pooled.{i}"] = (out.text_embeds if hasattr(out, "text_embeds") else out.pooler_output).detach()
        return found


def merged(state, keys, files, strength):
    """The weights after ComfyUI's patches, and which tensors of the files were for one of these layers."""
    state = {k: v.clone() for k, v in state.items()}
    for file, amount in zip(files, strength):
        patches = comfy.lora.load_lora(dict(file), keys, log_missing=False)
        for at, patch in patches.items():
            key, offset, function = (at, None, None) if isinstance(at, str) else (at + (None,))[:3]
            state[key] = comfy.lora.calculate_weight([(amount, patch, 1.0, offset, function)], state[key], key)
    return state


G = torch.Generator()


def normal(*shape, scale=0.3):
    return torch.randn(*shape, generator=G) * scale


def pair(out, n, rank=3):
    return normal(out, rank), normal(rank, n)


def kohya(layer, shape, alpha=1.5, rank=3, mid=False):
    if len(shape) == 4 and mid:
        return {f"{layer}.lora_up.weight": normal(shape[0], rank, 1, 1), f"{layer}.lora_down.weight": normal(rank, shape[1], 1, 1),
                f"{layer}.lora_mid.weight": normal(rank, rank, *shape[2:]), f"{layer}.alpha": torch.tensor(alpha)}
    if len(shape) == 4:
        return {f"{layer}.lora_up.weight": normal(shape[0], rank, 1, 1), f"{layer}.lora_down.weight": normal(rank, *shape[1:]),
                f"{layer}.alpha": torch.tensor(alpha)}
    up, down = pair(*shape, rank)
    return {f"{layer}.lora_up.weight": up, f"{layer}.lora_down.weight": down, f"{layer}.alpha": torch.tensor(alpha)}


def plain_pair(layer, shape, up=".lora_B.weight", down=".lora_A.weight", rank=3):
    a, b = pair(*shape, rank)
    return {layer + up: a, layer + down: b}


def flat(name):
    return name.replace(".", "_")


def sd1_files(shape, text):
    attention = "down_blocks.0.attentions.1.transformer_blocks.0"
    middle, above = "mid_block.attentions.0.transformer_blocks.0", "up_blocks.2.attentions.0.transformer_blocks.0"
    linear = [f"{attention}.attn1.to_q", f"{attention}.attn2.to_k", f"{attention}.attn2.to_out.0", f"{middle}.ff.net.0.proj",
              f"{above}.attn2.to_v", "down_blocks.1.resnets.0.time_emb_proj", "time_embedding.linear_1", "mid_block.attentions.0.proj_in",
              "up_blocks.2.attentions.0.proj_out"]
    layers = "text_model.encoder.layers"
    one = {}
    for name in linear + ["down_blocks.1.resnets.0.conv1", "up_blocks.0.upsamplers.0.conv", "down_blocks.0.downsamplers.0.conv", "conv_in"]:
        one |= kohya("lora_unet_" + flat(name), shape(name))
    for name in ["mid_block.resnets.1.conv2", "up_blocks.2.resnets.0.conv_shortcut"]:
        one |= kohya("lora_unet_" + flat(name), shape(name), mid=name.endswith("conv2"))
    for name in [f"{layers}.0.self_attn.q_proj", f"{layers}.1.mlp.fc1", f"{layers}.1.self_attn.out_proj"]:
        one |= kohya("lora_te_" + flat(name), text(name))
    two = {}
    for name in ["attn1.processor.to_q", "attn2.processor.to_v", "attn2.processor.to_out"]:
        own = f"{attention}.{name}".replace(".processor", "").replace("to_out", "to_out.0")
        two |= plain_pair(f"unet.{attention}.{name}", shape(own), "_lora.up.weight", "_lora.down.weight")
    two |= plain_pair(f"text_encoder.{layers}.0.self_attn.q_proj", text(f"{layers}.0.self_attn.q_proj"),
                      ".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight")
    return {"kohya": one, "processors": two, "lycoris": lycoris(shape, attention, middle)}


def lycoris(shape, attention, middle):
    found = {}
    for name in [f"{attention}.attn1.to_k", "down_blocks.1.resnets.0.conv1"]:  # LoHa
        key, s = "lora_unet_" + flat(name), shape(name)
        for i in "12":
            found[f"{key}.hada_w{i}_a"], found[f"{key}.hada_w{i}_b"] = pair(s[0], s[1:].numel())
        found[f"{key}.alpha"] = torch.tensor(2.0)
    key, s = "lora_unet_" + flat("mid_block.resnets.0.conv1"), shape("mid_block.resnets.0.conv1")  # LoHa with kernels
    for i in "12":
        found |= {f"{key}.hada_t{i}": normal(3, 3, *s[2:]), f"{key}.hada_w{i}_a": normal(3, s[0]), f"{key}.hada_w{i}_b": normal(3, s[1])}
    key, s = "lora_unet_" + flat(f"{attention}.attn2.to_q"), shape(f"{attention}.attn2.to_q")  # LoKr
    found |= {f"{key}.lokr_w1": normal(2, 2), f"{key}.lokr_w2": normal(s[0] // 2, s[1] // 2), f"{key}.alpha": torch.tensor(7.0)}
    key, s = "lora_unet_" + flat(f"{middle}.ff.net.2"), shape(f"{middle}.ff.net.2")
    found |= {f"{key}.lokr_w1_a": normal(2, 1), f"{key}.lokr_w1_b": normal(1, 4), f"{key}.lokr_w2_a": normal(s[0] // 2, 2),
              f"{key}.lokr_w2_b": normal(2, s[1] // 4), f"{key}.alpha": torch.tensor(1.0)}
    key, s = "lora_unet_" + flat("down_blocks.2.resnets.0.conv2"), shape("down_blocks.2.resnets.0.conv2")
    found |= {f"{key}.lokr_w1": normal(4, 2), f"{key}.lokr_w2": normal(s[0] // 4, s[1] // 2, *s[2:])}
    key, s = "lora_unet_" + flat("up_blocks.0.resnets.0.conv2"), shape("up_blocks.0.resnets.0.conv2")
    found |= {f"{key}.lokr_w1": normal(4, 2), f"{key}.lokr_t2": normal(2, 2, *s[2:]), f"{key}.lokr_w2_a": normal(2, s[0] // 4),
              f"{key}.lokr_w2_b": normal(2, s[1] // 2), f"{key}.alpha": torch.tensor(1.0)}
    for name in [f"{middle}.attn1.to_v", "down_blocks.0.resnets.0.conv1"]:  # the whole difference
        found[f"lora_unet_{flat(name)}.diff"] = normal(*shape(name), scale=0.05)
    found["lora_unet_" + flat("down_blocks.0.resnets.0.conv1.diff_b").replace("_diff_b", ".diff_b")] = normal(8)
    found[f"lora_unet_{flat(middle + '.norm1')}.w_norm"] = normal(*shape(f"{middle}.norm1"))
    found[f"lora_unet_{flat(middle + '.norm1')}.b_norm"] = normal(*shape(f"{middle}.norm1"))
    for name, axis in [(f"{middle}.attn1.to_q", 0), (f"{middle}.attn2.to_k", 1), ("mid_block.resnets.1.conv1", 0)]:  # DoRA
        key, s = "lora_unet_" + flat(name), shape(name)
        found |= kohya(key, s)
        found[f"{key}.dora_scale"] = normal(s[axis]).abs().add(0.5).reshape([-1 if i == axis else 1 for i in range(len(s))])
    return found


def sdxl_files(shape, text):
    find = comfy.utils.unet_to_diffusers(DEPTHS["tiny-sdxl"])
    released = {}
    for name in ["down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
                 "down_blocks.2.attentions.0.transformer_blocks.1.attn2.to_k",
                 "mid_block.attentions.0.transformer_blocks.1.ff.net.0.proj",
                 "up_blocks.0.attentions.1.transformer_blocks.0.attn2.to_out.0",
                 "up_blocks.0.upsamplers.0.conv", "down_blocks.1.downsamplers.0.conv", "up_blocks.1.resnets.0.conv1",
                 "mid_block.attentions.0.proj_in",
                 "up_blocks.2.resnets.1.time_emb_proj", "up_blocks.1.upsamplers.0.conv"]:
        released |= kohya("lora_unet_" + flat(find[name + ".weight"].removesuffix(".weight")), shape(name))
    released |= kohya("lora_unet_label_emb_0_0", shape("add_embedding.linear_1"))
    layers = "text_model.encoder.layers"
    for name in [f"{layers}.0.self_attn.v_proj", f"{layers}.1.mlp.fc2"]:
        released |= kohya("lora_te1_" + flat(name), text(name)) | kohya("lora_te2_" + flat(name), text(name, "clip_g"))
    released |= kohya("lora_te2_text_projection", text("text_projection", "clip_g"))
    generic = {}
    for name in ["down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_v",
                 "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"]:
        generic |= plain_pair("diffusion_model." + find[name + ".weight"].removesuffix(".weight"), shape(name))
    generic |= plain_pair(f"text_encoders.clip_g.transformer.{layers}.2.mlp.fc1", text(f"{layers}.2.mlp.fc1", "clip_g"))
    generic |= plain_pair(f"text_encoder_2.{layers}.2.self_attn.k_proj", text(f"{layers}.2.self_attn.k_proj", "clip_g"),
                          ".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight")
    return {"released": released, "generic": generic}


def sd3_files(shape, text):
    diffusers = {}
    for name in ["transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.add_v_proj", "transformer_blocks.1.attn2.to_k",
                 "transformer_blocks.1.attn.to_out.0", "transformer_blocks.1.attn.to_add_out", "transformer_blocks.2.ff.net.2",
                 "transformer_blocks.0.ff_context.net.0.proj", "transformer_blocks.2.norm1_context.linear",
                 "transformer_blocks.1.norm1.linear",
                 "norm_out.linear", "proj_out", "context_embedder", "time_text_embed.text_embedder.linear_1"]:
        diffusers |= plain_pair("transformer." + name, shape(name))
    fused = {}
    for name in ["joint_blocks.0.x_block.attn.qkv", "joint_blocks.1.context_block.attn.qkv", "joint_blocks.1.x_block.attn2.qkv",
                 "joint_blocks.2.context_block.adaLN_modulation.1", "final_layer.adaLN_modulation.1", "joint_blocks.0.x_block.mlp.fc1",
                 "x_embedder.proj"]:
        fused |= kohya("lora_unet_" + flat(name), shape("diffusion_model." + name))
    key = "lora_unet_joint_blocks_2_x_block_attn_qkv"
    s = shape("diffusion_model.joint_blocks.2.x_block.attn.qkv")
    fused |= kohya(key, s) | {f"{key}.dora_scale": normal(s[0], 1).abs() + 0.5}
    layers = "text_model.encoder.layers"
    for i, nick in enumerate(["clip_l", "clip_g"]):
        fused |= kohya(f"lora_te{i + 1}_" + flat(f"{layers}.0.self_attn.v_proj"), text(f"{layers}.0.self_attn.v_proj", nick))
    peft = {}
    for name in ["transformer_blocks.0.attn.to_q", "transformer_blocks.2.attn.to_v"]:
        peft |= plain_pair("base_model.model." + name, shape(name))
    return {"diffusers": diffusers, "fused": fused, "peft": peft}


CASES = [  # model, files, strengths for the denoiser, for the text encoders
    ("tiny", ["kohya"], [0.8], [-0.6]), ("tiny", ["processors"], [1.2], [0.7]), ("tiny", ["lycoris"], [0.7], [1.0]),
    ("tiny", ["kohya", "processors", "kohya"], [0.5, 1.0, -0.3], [1.0, 0.5, 0.25]),
    ("tiny", ["processors", "lycoris"], [0.6, 1.0], [1.0, 1.0]),
    ("tiny-sdxl", ["released"], [0.9], [0.8]), ("tiny-sdxl", ["generic", "released"], [-1.0, 0.5], [1.0, 1.0]),
    ("tiny-sd3", ["diffusers"], [0.9], [1.0]), ("tiny-sd3", ["fused"], [0.8], [0.5]),
    ("tiny-sd3", ["peft", "diffusers", "fused"], [1.0, 0.4, 0.3], [1, 1, 1]),
]
MAKERS = {"tiny": sd1_files, "tiny-sdxl": sdxl_files, "tiny-sd3": sd3_files}


def main():
    root = HERE / "lora"
    root.mkdir(exist_ok=True)
    out, files, about = {}, {}, []
    for name, make in MAKERS.items():
        G.manual_seed(len(name))
        denoiser, text = Denoiser(name), Text(name)

        def shape(layer, denoiser=denoiser):
            if layer.startswith("diffusion_model."):
                return denoiser.state[layer + ".weight"].shape
            return denoiser.network.get_parameter(layer + ".weight").shape

        files[name] = make(shape, lambda layer, nick="clip_l", text=text: text.state[f"{nick}.transformer.{layer}.weight"].shape)
        for kind, tensors in files[name].items():
            halves = {k: v.half().contiguous() for k, v in tensors.items()}
            save_file(halves, root / f"{name}-{kind}.safetensors")
            files[name][kind] = halves
        out |= {f"{name}.{k}": v for k, v in denoiser.inputs().items()}
        out |= {f"{name}.plain.{k}": v for k, v in (denoiser.outputs() | text.outputs()).items()}
    for i, (name, kinds, strong, clip) in enumerate(CASES):
        denoiser, text = Denoiser(name), Text(name)
        for kind in kinds:  # every tensor has to be for some layer, or the comparison would hold for one that nobody reads
            unread = set(files[name][kind])
            for at in [denoiser.keys(), text.keys()]:
                for key in at:
                    unread -= {k for k in unread if k.startswith((key + ".", key + "_lora."))}
            assert not unread, unread
        own = [files[name][k] for k in kinds]
        denoiser.load(merged(denoiser.state, denoiser.keys(), own, strong))
        text.load(merged(text.state, text.keys(), own, clip))
        got = denoiser.outputs() | text.outputs()
        assert not torch.allclose(got["out"], out[f"{name}.plain.out"], atol=1e-2), (name, kinds)
        out |= {f"{i}.{k}": v for k, v in got.items() if not k.startswith("ids")}
        about.append({"model": name, "files": [f"{name}-{k}.safetensors" for k in kinds], "denoiser": strong, "text": clip})
    save_file({k: v.contiguous() for k, v in out.items()}, root / "fixture.safetensors")
    (root / "fixture.json").write_text(json.dumps({"cases": about}, indent=1) + "\n")


if __name__ == "__main__":
    main()
