#!/usr/bin/env python3
"""Writes what the Go tests of Stable Diffusion 3 compare themselves with: inputs and outputs of diffusers and transformers.

  make_sd3.py tiny             a whole tiny random model in the form of 3.5 Medium (folder and single file) and its outputs, into
                               testdata/tiny-sd3; a transformer in the form of 3 Medium (no norms of queries and keys, no second
                               attention), into testdata/tiny-sd3-medium
  make_sd3.py shapes FOLDER    names and shapes of all tensors of both transformers, as diffusers names them and as single files do,
                               into testdata/shapes; FOLDER is a checkout of github.com/Stability-AI/sd3.5, whose own model class
                               makes the latter, and of which nothing is kept but names and sizes

Weights are rounded to float16 before anything is computed. Single-file names are made here from diffusers' ones, the other way round
than in Go, and then given to diffusers' own conversion, which has to give back what we began with.
"""

import json
import math
import sys
import types
from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from diffusers.loaders import single_file_utils as official
from diffusers.models.attention_processor import Attention
from make_fixtures import halve, plain, save, save_half, vae_outputs, vocabulary
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "weights/testdata"))
from make_ldm import vae_name  # noqa: E402

torch.set_grad_enabled(False)
torch.set_num_threads(1)
LENGTH, WIDTH, BLOCKS = 24, 24, 3
PROMPT, NEGATIVE = "a photo of two cats and a dog", "dogs"


class Probe:
    """Attention computed plainly, keeping one number a key: probabilities of the image's queries, averaged over heads, weighted 0..1
    over queries."""

    def __init__(self, name, out):
        self.name, self.out = name, out

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        def heads(x, norm):
            x = x.reshape(*x.shape[:2], attn.heads, -1).permute(0, 2, 1, 3)
            return x if norm is None else x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * norm.weight

        h, y = hidden_states, encoder_hidden_states
        q, k, v = heads(attn.to_q(h), attn.norm_q), heads(attn.to_k(h), attn.norm_k), heads(attn.to_v(h), None)
        n = h.shape[1]
        if y is not None:
            q = torch.cat([q, heads(attn.add_q_proj(y), attn.norm_added_q)], 2)
            k = torch.cat([k, heads(attn.add_k_proj(y), attn.norm_added_k)], 2)
            v = torch.cat([v, heads(attn.add_v_proj(y), None)], 2)
        probs = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), -1)
        ramp = torch.linspace(0, 1, n)
        self.out["tap." + self.name] = (probs[:, :, :n].mean(1) * ramp[None, :, None]).sum(1).contiguous()
        out = (probs @ v).permute(0, 2, 1, 3).flatten(2)
        if y is None:
            return attn.to_out[0](out)
        text = out[:, n:]
        return attn.to_out[0](out[:, :n]), text if attn.context_pre_only else attn.to_add_out(text)


def transformer(**config):
    model = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=8,
        out_channels=8,
        num_layers=BLOCKS,
        attention_head_dim=8,
        num_attention_heads=WIDTH // 8,
        joint_attention_dim=48,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=40,
        pos_embed_max_size=8,
        **config,
    )
    for name, p in model.named_parameters():
        if ".norm_" in name:
            torch.nn.init.normal_(p, 1.5, 0.3)  # sharper than a fresh model's attention
        elif "qk_norm" not in config and name.rsplit(".", 2)[-2] in ("to_q", "to_k", "add_q_proj", "add_k_proj"):
            p.data *= 2.5
        elif "linear.weight" in name:
            torch.nn.init.normal_(p, 0, 1.5 / math.sqrt(WIDTH))  # adaptive norms that differ from plain ones
    model.pos_embed.pos_embed = model.pos_embed.pos_embed.half().float()
    return halve(model)


def transformer_outputs(model, seed):
    g = torch.Generator().manual_seed(seed)
    x, context, vector = (torch.randn(*s, generator=g) for s in ((2, 8, 8, 12), (2, 10, 48), (2, 40)))
    out = {"mmdit.x": x, "mmdit.context": context, "mmdit.vector": vector}

    def run(x, t, rows=2):
        return model(x, context[:rows], vector[:rows], torch.full((rows,), float(t))).sample

    for t in (1, 500, 732.25, 1000):
        out[f"mmdit.out.{t}"] = run(x, t)
    w = torch.randn(x.shape, generator=g)
    with torch.enable_grad():
        leaves = [leaf.clone().requires_grad_(True) for leaf in (x, context, vector)]
        (model(*leaves, torch.full((2,), 500.0)).sample * w).sum().backward()
    out["mmdit.weighting"] = w
    out |= {name: leaf.grad for name, leaf in zip(("mmdit.grad", "mmdit.grad.context", "mmdit.grad.vector"), leaves)}
    # sides that patches do not divide: the image goes on with its other end, as ComfyUI does it
    odd = torch.randn(1, 8, 5, 7, generator=g)
    padded = torch.nn.functional.pad(odd, (0, 1, 0, 1), mode="circular")
    out |= {"mmdit.odd": odd, "mmdit.odd.out": run(padded, 250, 1)[:, :, :5, :7]}
    taps = {}
    before = model.attn_processors
    model.set_attn_processor({n + ".processor": Probe(n, taps) for n, m in model.named_modules() if isinstance(m, Attention)})
    probed = run(x, 500)
    model.set_attn_processor(before)
    assert torch.allclose(probed, out["mmdit.out.500"], atol=1e-5), "the probe computes something else"
    return out | taps, [k[4:] for k in taps]


def single_transformer(state):
    """Single-file names from diffusers' ones."""
    out, blocks = {}, 1 + max(int(n.split(".")[1]) for n in state if n.startswith("transformer_blocks."))
    ends = {
        "pos_embed.proj": "x_embedder.proj",
        "context_embedder": "context_embedder",
        "proj_out": "final_layer.linear",
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
        "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
    }

    def swapped(t):
        return torch.cat(t.chunk(2)[::-1])

    for w in ("weight", "bias"):
        for new, old in ends.items():
            out[f"{old}.{w}"] = state[f"{new}.{w}"]
        out[f"final_layer.adaLN_modulation.1.{w}"] = swapped(state[f"norm_out.linear.{w}"])
        for i in range(blocks):

            def get(name, i=i, w=w):
                return state.get(f"transformer_blocks.{i}.{name}.{w}")

            sides = {
                "x_block": ("to_q", "to_k", "to_v", "to_out.0", "norm_q", "norm_k", "norm1", "ff"),
                "context_block": (
                    "add_q_proj",
                    "add_k_proj",
                    "add_v_proj",
                    "to_add_out",
                    "norm_added_q",
                    "norm_added_k",
                    "norm1_context",
                    "ff_context",
                ),
            }
            for side, (q, k, v, proj, ln_q, ln_k, norm, ff) in sides.items():
                modulation = get(norm + ".linear")
                last = i == blocks - 1 and side == "context_block"
                found = {
                    "adaLN_modulation.1": swapped(modulation) if last else modulation,
                    "mlp.fc1": get(ff + ".net.0.proj"),
                    "mlp.fc2": get(ff + ".net.2"),
                }
                for attn in ("attn", "attn2"):
                    if get(f"{attn}.{q}") is not None:
                        found |= {
                            f"{attn}.qkv": torch.cat([get(f"{attn}.{n}") for n in (q, k, v)]),
                            f"{attn}.proj": get(f"{attn}.{proj}"),
                            f"{attn}.ln_q": get(f"{attn}.{ln_q}"),
                            f"{attn}.ln_k": get(f"{attn}.{ln_k}"),
                        }
                out |= {f"joint_blocks.{i}.{side}.{n}.{w}": t for n, t in found.items() if t is not None}
    out["pos_embed"] = state["pos_embed.pos_embed"]
    back = official.convert_sd3_transformer_checkpoint_to_diffusers(dict(out))
    assert back.keys() == state.keys(), back.keys() ^ state.keys()
    assert all(t.is_meta or torch.equal(back[n], t) for n, t in state.items())
    return out


def single_file(parts):
    out = {"model.diffusion_model." + n: t for n, t in single_transformer(parts["transformer"]).items()}
    for name, t in parts["vae"].items():
        old = vae_name(name, 3)
        out["first_stage_model." + old] = t[:, :, None, None] if ".attn_1." in old and t.ndim == 2 else t
    back = official.convert_ldm_vae_checkpoint(dict(out), {"down_block_types": [0] * 3, "up_block_types": [0] * 3})
    assert back.keys() == parts["vae"].keys() and all(torch.equal(back[n], t) for n, t in parts["vae"].items())
    for part, old in {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}.items():
        out |= {f"text_encoders.{old}.transformer.{n}": t for n, t in parts[part].items()}
    return {k: v.half().contiguous() for k, v in out.items()}


def text_encoder(vocab, width, act, pad):
    eos = vocab["<|endoftext|>"]
    config = dict(
        vocab_size=len(vocab),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        hidden_act=act,
        projection_dim=width,
        bos_token_id=eos - 1,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    model = CLIPTextModelWithProjection(CLIPTextConfig(**config))
    for name, p in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            torch.nn.init.normal_(p, 1, 0.2)
        elif "embedding" in name:
            torch.nn.init.normal_(p, 0, 0.5)
        elif name.endswith("weight"):
            torch.nn.init.normal_(p, 0, 1.2 / math.sqrt(p.shape[1]))
    return halve(model), config


def tokenizer(folder, vocab, merges, pad):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": pad, "unk_token": "<|endoftext|>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1) + "\n")
    about = special | {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=1) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


def pipeline_outputs(pipe, g):
    """Two runs: as diffusers does without its third encoder (zeros in the place of T5's tokens), and with CLIP's tokens alone."""
    out, about = {}, {"prompt": PROMPT, "negative": NEGATIVE, "steps": 10, "cfg": 4.5, "zeros": 256}
    ids = [
        t(PROMPT, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids
        for t in (pipe.tokenizer, pipe.tokenizer_2)
    ]
    cond, uncond, pooled, unpooled = pipe.encode_prompt(PROMPT, None, None, negative_prompt=NEGATIVE, max_sequence_length=0)
    noise = torch.randn(1, 8, 6, 8, generator=g)
    out |= {
        "text.ids": ids[0],
        "text.ids_2": ids[1],
        "run.cond": cond,
        "run.uncond": uncond,
        "run.pooled": pooled,
        "run.unpooled": unpooled,
        "run.noise": noise,
    }
    for name, zeros in {"run.latent": about["zeros"], "run.clip.latent": 0}.items():
        full, *_ = pipe.encode_prompt(PROMPT, None, None, negative_prompt=NEGATIVE, max_sequence_length=zeros)
        assert torch.equal(full[:, :LENGTH], cond) and full[:, LENGTH:].abs().sum() == 0 and full.shape[1] == LENGTH + zeros
        # The pipeline leaves its last latents in the autoencoder's scale only with output_type latent.
        out[name] = pipe(
            PROMPT,
            negative_prompt=NEGATIVE,
            num_inference_steps=about["steps"],
            guidance_scale=about["cfg"],
            height=24,
            width=32,
            latents=noise,
            output_type="latent",
            max_sequence_length=zeros,
        ).images
    about["sigmas"] = pipe.scheduler.sigmas.tolist()
    vae = pipe.vae
    out["run.image"] = vae.decode(out["run.latent"] / vae.config.scaling_factor + vae.config.shift_factor).sample
    return out, about


def make_tiny():
    root = HERE / "tiny-sd3"
    torch.manual_seed(11)
    vocab, merges = vocabulary(["a", "photo", "of", "two", "three", "cats", "cat", "dog", "dogs", "and"])
    tokenizers = [tokenizer(root / f, vocab, merges, pad) for f, pad in (("tokenizer", "<|endoftext|>"), ("tokenizer_2", "!"))]
    text, config = text_encoder(vocab, 16, "quick_gelu", vocab["<|endoftext|>"])
    text2, config2 = text_encoder(vocab, 24, "gelu", vocab["!"])
    save_half(text, root / "text_encoder", "model.safetensors", config)
    save_half(text2, root / "text_encoder_2", "model.safetensors", config2)
    model = transformer(dual_attention_layers=(0, 1), qk_norm="rms_norm")
    save_half(model, root / "transformer", "diffusion_pytorch_model.safetensors", plain(model.config))
    vae = halve(
        AutoencoderKL(
            block_out_channels=(8, 8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=8,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            scaling_factor=1.5305,
            shift_factor=0.0609,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    )
    save_half(vae, root / "vae", "diffusion_pytorch_model.safetensors", plain(vae.config))
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    (root / "scheduler").mkdir(exist_ok=True)
    (root / "scheduler/scheduler_config.json").write_text(json.dumps(plain(scheduler.config), indent=1, sort_keys=True, default=str) + "\n")
    index = {
        "_class_name": "StableDiffusion3Pipeline",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "text_encoder_3": [None, None],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "tokenizer_3": [None, None],
        "transformer": ["diffusers", "SD3Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (root / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
    save_file(
        single_file(
            {n: m.state_dict() for n, m in {"transformer": model, "vae": vae, "text_encoder": text, "text_encoder_2": text2}.items()}
        ),
        root / "single.safetensors",
    )

    pipe = StableDiffusion3Pipeline(
        transformer=model,
        scheduler=scheduler,
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizers[0],
        text_encoder_2=text2,
        tokenizer_2=tokenizers[1],
        text_encoder_3=None,
        tokenizer_3=None,
    )
    pipe.set_progress_bar_config(disable=True)
    g = torch.Generator().manual_seed(12)
    out, taps = transformer_outputs(model, 13)
    out |= vae_outputs(vae, torch.rand(1, 3, 24, 32, generator=g) * 2 - 1, 14)
    run, about = pipeline_outputs(pipe, g)
    save(out | run, root, {"taps": taps} | about)

    root = HERE / "tiny-sd3-medium"
    model = transformer()
    save_half(model, root, "transformer.safetensors", plain(model.config))
    out, taps = transformer_outputs(model, 15)
    save(out, root, {"taps": taps})


def make_shapes(folder):
    root = HERE / "shapes"
    common = dict(
        sample_size=128,
        num_layers=24,
        attention_head_dim=64,
        num_attention_heads=24,
        joint_attention_dim=4096,
        caption_projection_dim=1536,
        pooled_projection_dim=2048,
    )
    for missing in ("einops",):  # imported at the head of the file, needed to run the model only
        sys.modules[missing] = types.SimpleNamespace(rearrange=None, repeat=None)
    sys.path.insert(0, folder)
    from mmditx import MMDiTX

    lists = {}
    for name, positions, dual, norm in (("sd35-medium", 384, tuple(range(13)), True), ("sd3-medium", 192, (), False)):
        with torch.device("meta"):
            ours = SD3Transformer2DModel(
                pos_embed_max_size=positions, dual_attention_layers=dual, qk_norm="rms_norm" if norm else None, **common
            )
        theirs = MMDiTX(
            input_size=None,
            patch_size=2,
            in_channels=16,
            depth=24,
            adm_in_channels=2048,
            num_patches=positions**2,
            pos_embed_max_size=positions,
            qk_norm="rms" if norm else None,
            x_block_self_attn_layers=list(dual),
            device="meta",
            context_embedder_config={"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 1536}},
        )
        lists |= {f"{name}-transformer": ours.state_dict(), f"{name}-single": theirs.state_dict()}
        made = single_transformer(ours.state_dict())
        assert {k: v.shape for k, v in made.items()} == {k: v.shape for k, v in theirs.state_dict().items()}, (
            "another single file than theirs"
        )
    for name, state in lists.items():
        lines = [f"{k} {' '.join(map(str, v.shape))}" for k, v in sorted(state.items())]
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
        print(f"{root / name}.txt: {len(lines)} tensors")


def main():
    match sys.argv[1:]:
        case ["tiny"]:
            make_tiny()
        case ["shapes", folder]:
            make_shapes(folder)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
