"""What a session is opened with, as a message."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._pb import isac_pb2 as pb
from .errors import Error
from .tensor import DTYPES, Tensor

PARAMETRISATIONS = {"comfyui": pb.PARAMETRISATION_COMFYUI, "model": pb.PARAMETRISATION_MODEL}
SIZES = ("height", "width", "top", "left", "target_height", "target_width")


def open_request(
    *, encoded: tuple[Tensor, Tensor | None] | None, sizes: Any, instances: Iterable[Any], options: Mapping[str, Any] | None,
    parametrisation: str, seed: int, loras: Iterable[Any], weights: Iterable[Any],
    shared_weights: Iterable[pb.SharedWeight] = (), **plain: Any,
) -> pb.GuidanceOpen:
    """Builds the message. What it finds wrong is told in one Error."""
    wrong: dict[str, str] = {}
    message = pb.GuidanceOpen(seed=int(seed) % (1 << 64))
    for name, value in plain.items():
        take(wrong, name, lambda: setattr(message, name, value))
    if parametrisation in PARAMETRISATIONS:
        message.parametrisation = PARAMETRISATIONS[parametrisation]
    else:
        wrong["parametrisation"] = f"{parametrisation!r}, expected {' or '.join(map(repr, PARAMETRISATIONS))}"
    if encoded is not None:
        take(wrong, "encoded", lambda: message.encoded.CopyFrom(encoded_of(encoded)))
    if sizes is not None:
        take(wrong, "sizes", lambda: message.sizes.CopyFrom(sizes_of(sizes)))
    take(wrong, "instances", lambda: message.instances.extend(instances_of(each) for each in instances))
    take(wrong, "options", lambda: message.options.update({str(name): text(value) for name, value in (options or {}).items()}))
    take(wrong, "loras", lambda: message.loras.extend(lora_of(*each) for each in loras))
    take(wrong, "weights", lambda: message.weights.extend(weight_of(*each) for each in weights))
    message.shared_weights.extend(shared_weights)
    if wrong:
        sentences = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        raise Error(sentences, kind="INVALID_INPUT", inputs=tuple(wrong))
    return message


def take(wrong: dict[str, str], name: str, put: Any) -> None:
    """Puts a field into the message, or notes why it cannot be."""
    try:
        put()
    except (TypeError, ValueError, AttributeError, KeyError, Error) as error:
        wrong[name] = str(error)


def text(value: Any) -> str:
    """An option's value as options have it: switches are "true" and "false"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def encoded_of(encoded: tuple[Tensor, Tensor | None]) -> pb.EncodedPrompt:
    """The prompt as the host encoded it."""
    hidden, pooled = encoded
    return pb.EncodedPrompt(hidden=hidden.message(), pooled=pooled.message() if pooled is not None else None)


def sizes_of(sizes: Sequence[int] | Mapping[str, int] | pb.Sizes) -> pb.Sizes:
    """Sizes of a message, of names, or in their order."""
    if isinstance(sizes, pb.Sizes):
        return sizes
    if not isinstance(sizes, Mapping):
        values = list(sizes)
        if len(values) != len(SIZES):
            raise ValueError(f"{len(values)} numbers, expected {', '.join(SIZES)}")
        sizes = dict(zip(SIZES, values))
    return pb.Sizes(**{name: int(value) for name, value in sizes.items()})


def instances_of(instances: Any) -> pb.GuidanceInstances:
    """The instances of one class: a message, (name, count) or (name, count, tokens)."""
    if isinstance(instances, pb.GuidanceInstances):
        return instances
    name, count, *tokens = instances
    return pb.GuidanceInstances(name=name, count=int(count), tokens=[int(t) for t in tokens[0]] if tokens else ())


def lora_of(name: str, strength_model: float, strength_clip: float) -> pb.GuidanceLora:
    """One LoRA of the host's model."""
    return pb.GuidanceLora(name=name, strength_model=strength_model, strength_clip=strength_clip)


def weight_of(name: str, dtype: str, sha256: bytes) -> pb.GuidanceWeight:
    """One tensor of the host's denoiser."""
    if dtype not in DTYPES:
        raise ValueError(f"{name}: {dtype!r}, expected one of {', '.join(DTYPES)}")
    return pb.GuidanceWeight(name=name, dtype=DTYPES[dtype], sha256=sha256)
