"""The line with which the process says where it can be reached."""
from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from .certificate import pem
from .environment import PROTOCOL
from .errors import Error


@dataclass(frozen=True)
class Handshake:
    """Where the process listens, and the certificate that it will show."""

    # "unix" or "tcp"
    network: str
    # the path of a socket, or HOST:PORT
    address: str
    # in PEM; empty where the connection is plain
    certificate: bytes = b""

    @property
    def target(self) -> str:
        """The address as gRPC takes it."""
        return f"unix:{self.address}" if self.network == "unix" else self.address


def parse(line: str) -> Handshake:
    """Reads go-plugin's line, such as "1|1|unix|/tmp/isac-x/plugin1|grpc|MIIB…"."""
    fields = line.strip().split("|")
    if len(fields) < 5 or fields[0] != "1":
        raise Error(
            f"isac-plugin began with {line.strip()!r}, expected its handshake 1|{PROTOCOL}|unix|…; is this program an isac-plugin, and does"
            " nothing print before it?",
            kind="UNAVAILABLE",
        )
    version, network, address, protocol = fields[1:5]
    if version != PROTOCOL:
        raise Error(
            f"isac-plugin speaks version {version} of the contract and this client version {PROTOCOL}: use both from one release",
            kind="UNAVAILABLE",
        )
    if protocol != "grpc" or not address:
        raise Error(f"isac-plugin answered with {line.strip()!r}, expected grpc and an address", kind="UNAVAILABLE")
    if network not in ("unix", "tcp") or (network == "tcp" and not loopback(address.rpartition(":")[0])):
        why = "expected a unix socket, or a port of this machine alone"
        raise Error(f"isac-plugin listens on {network} {address}, {why}", kind="UNAVAILABLE")
    return Handshake(network, address, pem(fields[5]) if len(fields) > 5 and fields[5] else b"")


def loopback(host: str) -> bool:
    """Whether a name or address is of this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
