"""The three networks and the scheduler, in Stable Diffusion 1's shape with small numbers."""

from __future__ import annotations

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from bpe import TEXT_LENGTH

SIDE = 64  # image, pixels
LATENT_SIDE = 16  # the autoencoder shrinks 4 times, not 8: sprites are small
LATENT_CHANNELS = 4
TEXT_WIDTH = 128


def autoencoder() -> AutoencoderKL:
    """2.7 M parameters; [B,3,64,64] in -1..1 to latents [B,4,16,16]."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(32, 64, 128),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=32,
        sample_size=SIDE,
    )


def unet() -> UNet2DConditionModel:
    """[B,4,16,16] to v; `attention_head_dim` is the number of heads, as in SD1's config."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(96, 192),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
        norm_num_groups=32,
    )


def text_encoder(vocabulary: int) -> CLIPTextModel:
    """CLIP's text tower; the two last ids are <|startoftext|> and <|endoftext|>."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=TEXT_LENGTH,
            hidden_act="quick_gelu",
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
            pad_token_id=vocabulary - 1,
        )
    )


def scheduler() -> DDIMScheduler:
    """SD1.5's schedule, except that the model predicts v."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def without_leak(text: CLIPTextModel) -> CLIPTextModel:
    """Self-attention that adds nothing, and learns nothing: a word's state then is a function of the word and its place alone.

    An encoder that is trained together with the UNet otherwise writes the class into the tokens after its word, and the word's own
    column of the attention, which guidance moves, decides nothing. The shape stays CLIPTextModel's. Stable Diffusion's encoder is CLIP's,
    frozen, and needs none of this.
    """
    for name, module in text.named_modules():
        if name.endswith("self_attn"):
            module.out_proj.weight.data.zero_()
            module.out_proj.bias.data.zero_()
            module.requires_grad_(False)
    return text
