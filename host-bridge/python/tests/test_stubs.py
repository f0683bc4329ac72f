"""The committed stubs are those of plugin/isac.proto."""
import subprocess
import sys

import pytest
from conftest import ROOT
from google.protobuf import descriptor_pb2

from isac_client._pb import isac_pb2


def plain(file):
    """Without what only a compiler's own output has."""
    file.ClearField("source_code_info")

    def clear(messages):
        for message in messages:
            for field in [*message.field, *message.extension]:
                field.ClearField("json_name")
            clear(message.nested_type)

    clear(file.message_type)
    return file


def test_fit_the_contract(tmp_path):
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed: make deps-test")
    out = tmp_path / "set"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ROOT / "plugin", f"--descriptor_set_out={out}", "isac.proto"]
    subprocess.run(command, check=True)
    want = plain(descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0])
    have = plain(descriptor_pb2.FileDescriptorProto.FromString(isac_pb2.DESCRIPTOR.serialized_pb))
    assert have == want, "plugin/isac.proto has changed: run host-bridge/python/generate.sh"
