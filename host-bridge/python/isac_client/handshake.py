"""The line with which the process says where it can be reached."""
from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from .environment import PROTOCOL
from .errors import Error


@dataclass(frozen=True)
class Handshake:
    """Where the process listens: the path of a socket."""

    address: str

    @property
    def target(self) -> str:
        """The address as gRPC takes it."""
        return f"unix:{self.address}"


def parse(line: str) -> Handshake:
    """Reads go-plugin's line, such as "1|1|unix|/tmp/isac-x/plugin1|grpc|"."""
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
    if network != "unix":
        # Every program of the machine reaches a port. go-plugin would guard it with certificates, but its keys are on the curve P-521, and
        # the TLS inside grpcio does not take their signatures.
        why = "expected a unix socket: on such a system run isac-plugin serve --listen, and connect to it"
        raise Error(f"isac-plugin listens on {network} {address}, {why}", kind="UNAVAILABLE")
    return Handshake(address)


def loopback(host: str) -> bool:
    """Whether a name or address is of this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
