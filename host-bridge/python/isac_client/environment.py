"""What environment the process gets."""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from .errors import Error

COOKIE = ("ISAC_PLUGIN_COOKIE", "d55dda7dbdce75cc55f948a86770ceab")
PROTOCOL = "1"
SECRETS = {"TOKEN", "NATS", "CREDS", "KEY", "PASSWORD", "SECRET"}
# PYTORCH_CUDA_ALLOC_CONF is meant for the torch of this process; another version may reject it.
OTHERS = {"ISAC_LIFELINE", "ISAC_PRIVATE_DIR", "PYTORCH_CUDA_ALLOC_CONF"}


def kept(name: str) -> bool:
    """Whether a variable of this process is handed on: secrets are not, nor what belongs to a plugin that this process may be itself."""
    upper = name.upper()
    secret = upper.startswith("ISAC_") and SECRETS.intersection(upper[len("ISAC_") :].split("_"))
    return not (upper.startswith("PLUGIN_") or upper in OTHERS or secret)


def environment(models: Iterable[str | os.PathLike[str]], device: str | None, extra: Mapping[str, str | None] | None) -> dict[str, str]:
    """This process's environment, cleaned, with folders of models and the device; extra is put over it, and None takes away."""
    env = {name: value for name, value in os.environ.items() if kept(name)}
    folders = [models] if isinstance(models, (str, os.PathLike)) else list(models)
    names = [os.path.abspath(os.path.expanduser(os.fspath(folder))) for folder in folders]
    for name in names:
        if os.pathsep in name:
            raise Error(f"models {name!r}: a folder's name cannot have {os.pathsep!r} in it, which separates them", kind="INVALID_INPUT")
    if names:
        env["ISAC_MODELS"] = os.pathsep.join(names)
    if device:
        env["ISAC_DEVICE"] = str(device)
    for name, value in (extra or {}).items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env
