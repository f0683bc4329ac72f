"""Starts isac-plugin, and guides the sampling of a diffusion model with it.

    with isac_client.start(models=["models"]) as plugin:
        with plugin.guide(checkpoint="mini", prompt="two cats and a dog", parametrisation="model") as session:
            stepped = session.step(0, 20, latents, timestep=999)

Messages and errors are those of plugin/isac.proto; docs/plugin.md of the project tells what each means.
"""
from ._version import __version__
from .errors import Error, PluginDied
from .launch import connect, start
from .plugin import Plugin
from .session import Prepared, Session, Stepped
from .tensor import Tensor

__all__ = ["Error", "Plugin", "PluginDied", "Prepared", "Session", "Stepped", "Tensor", "__version__", "connect", "start"]
