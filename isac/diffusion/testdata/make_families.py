#!/usr/bin/env python3
"""Writes tiny random models of Stable Diffusion 2 and SDXL and what diffusers makes of them, into testdata/tiny-sd2 and tiny-sdxl.

  make_families.py

Each is a whole diffusers folder, the same weights as one file under the names of its first release (single.safetensors), and the
outputs: hidden states of the text encoders, the UNet's, and runs of diffusers' own pipeline. The single file's names are made
here from diffusers' ones, the other way round than in Go, and are given to diffusers' own conversion, which has to give back
what we began with. Weights are rounded to float16 before anything is computed. make_fixtures.py has what is common to all.
"""

import json
import sys

import make_fixtures as common
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.loaders import single_file_utils as official
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

sys.path.insert(0, str(common.HERE.parent / "weights/testdata"))
import make_ldm  # noqa: E402

WORDS = ["a", "photo", "of", "two", "three", "cats", "cat", "dog", "dogs", "and"]
PROMPT, NEGATIVE, LENGTH, STEPS, CFG = "a photo of two cats and a dog", "three dogs", 24, 10, 3.0
BETAS = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, num_train_timesteps=1000, steps_offset=1,
             timestep_spacing="leading")
UNET = dict(sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, norm_num_groups=4, use_linear_projection=True)


def tokenizer(folder, pad):
    vocab, merges = common.vocabulary(WORDS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    special = dict(bos_token="<|startoftext|>", eos_token="<|endoftext|>", pad_token=pad, unk_token="<|endoftext|>")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1) + "\n")
    about = dict(special, model_max_length=LENGTH, tokenizer_class="CLIPTokenizer", do_lower_case=True)
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=1) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


def text_config(act, width, heads, layers, **more):
    vocab, _ = common.vocabulary(WORDS)
    eos = vocab["<|endoftext|>"]
    return dict(vocab_size=len(vocab), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers, num_attention_heads=heads,
                max_position_embeddings=LENGTH, hidden_act=act, bos_token_id=eos - 1, eos_token_id=eos, pad_token_id=eos, **more)


def text_model(cls, config):
    model = cls(CLIPTextConfig(**config))
    for name, p in model.named_parameters():
        if "norm" in name:  # as they begin, norms are alike in all layers and hide mistakes
            torch.nn.init.normal_(p, float(name.endswith("weight")), 0.2)
        elif "embedding" in name or "mlp" in name or "proj.weight" in name:
            torch.nn.init.normal_(p, 0, 0.2)
    return common.halve(model)


def text_outputs(model, ids, layers, prefix):
    """The hidden states after all but 0, 1, 2 layers, each before and after the final norm, and the pooled text."""
    out = model(ids, output_hidden_states=True)
    inner = getattr(model, "text_model", model)
    found = {f"{prefix}.pooled": out.text_embeds if hasattr(out, "text_embeds") else out.pooler_output}
    assert len(out.hidden_states) == layers + 1
    for skip in range(3):
        raw = out.hidden_states[-(skip + 1)]
        found |= {f"{prefix}.hidden.{skip}": raw, f"{prefix}.normed.{skip}": inner.final_layer_norm(raw)}
    return found


def random_unet(**config):
    unet = UNet2DConditionModel(**UNET, **config)
    for name, p in unet.named_parameters():  # attention that looks somewhere
        if "to_q" in name or "to_k" in name:
            p.data *= 3
    return common.halve(unet)


def save_parts(root, unet, vae, scheduler, index):
    common.save_half(unet, root / "unet", "diffusion_pytorch_model.safetensors", common.plain(unet.config))
    common.save_half(vae, root / "vae", "diffusion_pytorch_model.safetensors", common.plain(vae.config))
    (root / "scheduler").mkdir(exist_ok=True)
    (root / "scheduler/scheduler_config.json").write_text(
        json.dumps(common.plain(scheduler.config), indent=1, sort_keys=True, default=str) + "\n")
    (root / "model_index.json").write_text(json.dumps(index) + "\n")


def random_vae(scaling):
    return common.halve(AutoencoderKL(
        block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, latent_channels=4, scaling_factor=scaling,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2))


def run_sigmas():
    """ComfyUI's "simple": every hundredth training sigma from the highest down, and 0."""
    a = torch.cumprod(1 - EulerDiscreteScheduler(**BETAS).betas.double(), 0)
    table = ((1 - a) / a).sqrt()
    return [float(table[-(1 + i * (len(table) // STEPS))]) for i in range(STEPS)]


def run_euler(pipe, kind, noise, **more):
    pipe.scheduler = EulerDiscreteScheduler(**BETAS, prediction_type=kind)
    return pipe(PROMPT, negative_prompt=NEGATIVE, sigmas=run_sigmas() + [0.0], num_inference_steps=STEPS, guidance_scale=CFG,
                latents=noise.clone(), output_type="latent", **more).images


def run_ddim(pipe, kind, noise, **more):
    pipe.scheduler = DDIMScheduler(**BETAS, prediction_type=kind, clip_sample=False, set_alpha_to_one=True)
    pipe.scheduler.set_timesteps(STEPS)
    first = (1 - pipe.scheduler.alphas_cumprod[pipe.scheduler.timesteps[0]]).sqrt()  # ComfyUI starts at noise·σ, in its own scale
    return pipe(PROMPT, negative_prompt=NEGATIVE, num_inference_steps=STEPS, guidance_scale=CFG, eta=0.0, latents=noise * first,
                output_type="latent", **more).images


def open_clip(text):
    """OpenCLIP's names of a text encoder's tensors: one matrix of query, key and value, the projection the other way round."""
    text = {k if k.startswith("text_projection") else "text_model." + k.removeprefix("text_model."): t for k, t in text.items()}
    layer = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn.out_proj": "attn.out_proj", "mlp.fc1": "mlp.c_fc",
             "mlp.fc2": "mlp.c_proj"}
    out = {
        "token_embedding.weight": text["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": text["text_model.embeddings.position_embedding.weight"],
        "ln_final.weight": text["text_model.final_layer_norm.weight"],
        "ln_final.bias": text["text_model.final_layer_norm.bias"],
        "text_projection": text["text_projection.weight"].T,
        "logit_scale": torch.tensor(4.6052),
    }
    for name, t in text.items():
        if not name.startswith("text_model.encoder.layers."):
            continue
        number, rest = name.removeprefix("text_model.encoder.layers.").split(".", 1)
        place, kind = rest.rsplit(".", 1)
        if place in layer:
            out[f"transformer.resblocks.{number}.{layer[place]}.{kind}"] = t
        elif place == "self_attn.q_proj":
            parts = [text[name.replace("q_proj", p)] for p in ("q_proj", "k_proj", "v_proj")]
            out[f"transformer.resblocks.{number}.attn.in_proj_{kind}"] = torch.cat(parts)
    return out


def single_file(root, texts, unet_settings):
    """Writes single.safetensors. texts: prefix in the single file → (OpenCLIP's names or not, tensors)."""
    unet, vae = (load_file(root / part / "diffusion_pytorch_model.safetensors") for part in ("unet", "vae"))
    single = make_ldm.ldm(unet, vae, {}, depth=1)
    for prefix, (renamed, text) in texts.items():
        names = open_clip(text) if renamed else {"text_model." + k.removeprefix("text_model."): t for k, t in text.items()}
        single |= {prefix + k: t.half().contiguous() for k, t in names.items()}

    levels = {"down_block_types": [0] * 2, "up_block_types": [0] * 2}
    back = official.convert_ldm_unet_checkpoint(dict(single), {"layers_per_block": 1, "class_embed_type": None} | unet_settings)
    same("unet", back, unet)
    same("vae", official.convert_ldm_vae_checkpoint(dict(single), levels), vae)
    ignored, official.SD_2_TEXT_ENCODER_KEYS_TO_IGNORE = official.SD_2_TEXT_ENCODER_KEYS_TO_IGNORE, []
    for prefix, (renamed, text) in texts.items():
        if renamed:
            back = official.convert_open_clip_checkpoint(None, dict(single), prefix)
        else:
            back = official.convert_ldm_clip_checkpoint(dict(single), prefix)
        same(prefix, back, text)
    official.SD_2_TEXT_ENCODER_KEYS_TO_IGNORE = ignored
    save_file(single, root / "single.safetensors")


def same(what, got, want):
    got, want = ({k.removeprefix("text_model."): t for k, t in d.items()} for d in (got, want))
    assert got.keys() == want.keys(), (what, got.keys() ^ want.keys())
    for name, t in want.items():
        assert torch.equal(got[name], t.half()), (what, name)


def make_sd2():
    root = common.HERE / "tiny-sd2"
    torch.manual_seed(21)
    tok = tokenizer(root / "tokenizer", "!")
    # The single file has all layers and the projection, of which the folder has lost the last one and the projection.
    config = text_config("gelu", 32, 2, 4, projection_dim=32)
    whole = text_model(CLIPTextModelWithProjection, config)
    config["num_hidden_layers"] = 3
    text = CLIPTextModel(CLIPTextConfig(**config))
    kept = {k.removeprefix("text_model."): v for k, v in whole.state_dict().items() if ".3." not in k and "text_projection" not in k}
    text.load_state_dict({k: kept[k.removeprefix("text_model.")] for k in text.state_dict()})
    common.halve(text)
    common.save_half(text, root / "text_encoder", "model.safetensors", config)
    unet = random_unet(block_out_channels=(8, 16), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                       up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=32, attention_head_dim=[1, 2],
                       upcast_attention=True)
    vae = random_vae(0.18215)
    scheduler = DDIMScheduler(**BETAS, prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False)
    save_parts(root, unet, vae, scheduler, {"_class_name": "StableDiffusionPipeline"})

    ids = tok([PROMPT, NEGATIVE], padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids
    out = {"text.ids": ids, "folder.normed.0": text(ids).last_hidden_state} | text_outputs(whole, ids, 4, "text")
    assert torch.allclose(out["folder.normed.0"], out["text.normed.1"], atol=1e-6)
    found, taps = common.unet_outputs(unet, 4, (8, 8), out["folder.normed.0"], 22)
    pipe = StableDiffusionPipeline(vae, text, tok, unet, scheduler, None, None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(23))
    size = dict(height=16, width=16)
    out |= found | {"run.noise": noise, "run.euler": run_euler(pipe, "v_prediction", noise, **size),
                    "run.ddim": run_ddim(pipe, "v_prediction", noise, **size)}
    out["run.image"] = vae.decode(out["run.euler"] / vae.config.scaling_factor).sample
    single_file(root, {"cond_stage_model.model.": (True, whole.state_dict())}, {"addition_embed_type": None})
    about = {"taps": taps, "prompt": PROMPT, "negative": NEGATIVE, "steps": STEPS, "cfg": CFG, "sigmas": run_sigmas()}
    common.save(out, root, about)


def make_sdxl():
    root = common.HERE / "tiny-sdxl"
    torch.manual_seed(31)
    tok1, tok2 = tokenizer(root / "tokenizer", "<|endoftext|>"), tokenizer(root / "tokenizer_2", "!")
    config1, config2 = text_config("quick_gelu", 16, 2, 3), text_config("gelu", 24, 3, 4, projection_dim=20)
    text1, text2 = text_model(CLIPTextModel, config1), text_model(CLIPTextModelWithProjection, config2)
    common.save_half(text1, root / "text_encoder", "model.safetensors", config1)
    common.save_half(text2, root / "text_encoder_2", "model.safetensors", config2)
    unet = random_unet(
        block_out_channels=(8, 8, 16), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=40, attention_head_dim=[1, 1, 2],
        transformer_layers_per_block=[1, 1, 2], reverse_transformer_layers_per_block=[[2, 1], [1, 1], [1, 1]],
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=20 + 6 * 8)
    vae = random_vae(0.13025)
    scheduler = EulerDiscreteScheduler(**BETAS)
    save_parts(root, unet, vae, scheduler, {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True})

    out, ids = {}, {}
    for name, tok, text, layers in (("text", tok1, text1, 3), ("text2", tok2, text2, 4)):
        ids = tok([PROMPT, NEGATIVE], padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids
        out |= {f"{name}.ids": ids} | text_outputs(text, ids, layers, name)
    context = torch.cat([out["text.hidden.1"], out["text2.hidden.1"]], -1)
    sizes = [48, 40, 4, 2, 16, 24]  # original height and width, crop's top and left, target height and width
    given = {"text_embeds": out["text2.pooled"], "time_ids": torch.tensor([sizes, sizes]).float()}
    waves = unet.add_time_proj(given["time_ids"].flatten()).reshape(2, -1)
    out["unet.vector"] = torch.cat([given["text_embeds"], waves], -1)
    found, taps = common.unet_outputs(unet, 4, (8, 12), context, 32, added_cond_kwargs=given)
    pipe = StableDiffusionXLPipeline(vae, text1, text2, tok1, tok2, unet, scheduler, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(33))
    size = dict(height=16, width=24, original_size=tuple(sizes[:2]), crops_coords_top_left=tuple(sizes[2:4]), target_size=tuple(sizes[4:]))
    encoded = pipe.encode_prompt(PROMPT, negative_prompt=NEGATIVE)
    out |= found | dict(zip(("run.cond", "run.uncond", "run.pooled", "run.unpooled"), encoded))
    out |= {"run.noise": noise, "run.euler": run_euler(pipe, "epsilon", noise, **size),
            "run.ddim": run_ddim(pipe, "epsilon", noise, **size)}
    out["run.image"] = vae.decode(out["run.euler"] / vae.config.scaling_factor).sample
    out |= common.vae_outputs(vae, torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(34)) * 2 - 1, 35)
    single_file(root, {"conditioner.embedders.0.transformer.": (False, text1.state_dict()),
                       "conditioner.embedders.1.model.": (True, text2.state_dict())}, {"addition_embed_type": "text_time"})
    about = {"taps": taps, "prompt": PROMPT, "negative": NEGATIVE, "steps": STEPS, "cfg": CFG, "sigmas": run_sigmas(), "sizes": sizes}
    common.save(out, root, about)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    make_sd2()
    make_sdxl()
