"""Starting the process, and connecting to one that another started."""
from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import grpc

from . import call, certificate, handshake, wire
from .environment import COOKIE, PROTOCOL, environment
from .errors import Error, PluginDied
from .find import check, find
from .folder import Folder
from .log import Log, Tail
from .plugin import Plugin
from .process import Process


def start(
    path: str | os.PathLike[str] | None = None,
    *,
    models: Iterable[str | os.PathLike[str]] = (),
    device: str | None = None,
    env: Mapping[str, str | None] | None = None,
    sha256: str | None = None,
    start_timeout: float = 60,
    log: Log | None = None,
    tls: bool = True,
) -> Plugin:
    """Starts isac-plugin and waits until it answers.

    path is the program, else $ISAC_PLUGIN, beside Python's programs, or in PATH; with sha256, hexadecimal, only that very file is
    started. models are folders of models and device is "cpu", "cuda:0" or the like. The process gets this one's environment less its
    secrets; env is put over it, and None takes a variable away. log is called with a level of logging and a line, by other threads; without
    it the logger "isac_plugin" has them. Both sides show each other certificates that are made for this one start, so that no other program
    gets in; tls=False does without, on a unix socket in a folder of this user alone. Raises Error, and PluginDied where the process ended
    by itself.
    """
    program = find(path)
    if sha256 is not None:
        check(program, sha256)
    variables = environment(models, device, env)
    deadline = time.monotonic() + start_timeout
    pair = certificate.make(program, variables, start_timeout) if tls else None
    folder = Folder()
    place = str(folder.path)
    variables.update({
        COOKIE[0]: COOKIE[1],
        "PLUGIN_PROTOCOL_VERSIONS": PROTOCOL,
        "PLUGIN_UNIX_SOCKET_DIR": place,
        "ISAC_LIFELINE": "stdin",
        "ISAC_PRIVATE_DIR": place,
        # Temporary files of the process and of its libraries go where they are removed.
        "TMPDIR": place,
    })
    if pair is not None:
        variables["PLUGIN_CLIENT_CERT"] = pair.certificate.decode()
    try:
        process = Process(program, variables, Tail(log), folder.remove)
    except BaseException:
        folder.remove()
        raise
    try:
        found = handshake.parse(process.handshake(deadline))
        channel = open_channel(found, pair)
        try:
            healthy(channel, "plugin", deadline, process)
        except BaseException:
            channel.close()
            raise
    except BaseException as error:
        # A process that ended by itself says more than the connection that it took along.
        if isinstance(error, Error) and not isinstance(error, PluginDied) and process.wait(0.5) and process.exit_code:
            error = PluginDied(process.exit_code, process.tail.text(), doing=f"start {program}: {error.message}")
        process.kill()
        folder.remove()
        raise error
    return Plugin(channel, process=process, folder=folder)


def open_channel(found: handshake.Handshake, pair: certificate.Pair | None) -> grpc.Channel:
    """The connection to a process that was started with this pair, or with none."""
    # The authority: of a socket's path gRPC would make one that servers refuse. It is also the name in the process's certificate.
    options = [*call.OPTIONS, ("grpc.default_authority", "localhost"), ("grpc.ssl_target_name_override", "localhost")]
    if pair is None:
        if found.network != "unix":
            why = "every program of this machine reaches a port: start it with tls=True"
            raise Error(f"isac-plugin listens on {found.network} {found.address}, {why}", kind="UNAVAILABLE")
        return grpc.insecure_channel(found.target, options=options)
    if not found.certificate:
        why = "did not answer with a certificate of its own: use it and this client from one release"
        raise Error(f"isac-plugin {why}, or start it with tls=False", kind="UNAVAILABLE")
    secure = grpc.ssl_channel_credentials(root_certificates=found.certificate, private_key=pair.key, certificate_chain=pair.certificate)
    return grpc.secure_channel(found.target, secure, options=options)


def connect(
    address: str,
    *,
    ca: str | os.PathLike[str] | None = None,
    cert: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Plugin:
    """Connects to HOST:PORT of isac-plugin serve --listen.

    ca, cert and key are files in PEM: the authority of the plugin's certificate, and what this host shows. Without all three the
    connection is plain, which a loopback address alone may have. Closing the Plugin leaves the process as it is.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not host:
        raise Error(f"connect to {address!r}: expected HOST:PORT", kind="INVALID_INPUT")
    files = (ca, key, cert)
    if all(files):
        try:
            secure = grpc.ssl_channel_credentials(*(Path(file).read_bytes() for file in files))
        except OSError as error:
            raise Error(f"connect to {address!r}: {error}", kind="INVALID_INPUT") from error
        channel = grpc.secure_channel(address, secure, options=call.OPTIONS)
    elif any(files):
        raise Error(f"connect to {address!r}: ca, cert and key belong together: give all three or none", kind="INVALID_INPUT")
    elif not handshake.loopback(host):
        why = "only a loopback address may have a plain connection: give ca, cert and key"
        raise Error(f"connect to {address!r}: {why}", kind="INVALID_INPUT")
    else:
        channel = grpc.insecure_channel(address, options=call.OPTIONS)
    try:
        healthy(channel, "isac.v1.Guidance", time.monotonic() + 10, None)
    except BaseException as error:
        channel.close()
        if isinstance(error, Error):
            raise Error(f"connect to {address!r}: {error.message}", kind="UNAVAILABLE") from error
        raise
    return Plugin(channel)


def healthy(channel: grpc.Channel, service: str, deadline: float, process: Process | None) -> None:
    """Waits until the process says that it serves."""

    def wait() -> None:
        if process is not None and process.exit_code is not None:
            raise Error("isac-plugin ended before it answered", kind="UNAVAILABLE")

    check = call.unary(channel, "grpc.health.v1.Health/Check")
    timeout = max(0.1, deadline - time.monotonic())
    try:
        answer = call.finish(check.future(wire.health_request(service), timeout=timeout, wait_for_ready=True), wait)
    except grpc.RpcError as error:
        words = f"; it last wrote:\n{process.tail.text()}" if process is not None and process.tail.text() else ""
        raise Error(f"no answer from isac-plugin: {error.code().name}: {error.details()}{words}", kind="UNAVAILABLE") from error
    if not wire.health_serving(answer):
        raise Error("isac-plugin says that it does not serve", kind="UNAVAILABLE")
