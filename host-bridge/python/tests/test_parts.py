"""Parts that need no process."""
import logging

import pytest

import isac_client
from isac_client import handshake, log, request, wire
from isac_client._pb import isac_pb2 as pb
from isac_client.tensor import from_message


@pytest.mark.parametrize(("dtype", "shape", "data", "says"), [
    ("float64", (1,), bytes(8), "'float64': expected one of float32, float16, bfloat16"),
    ("float16", (2, 3), bytes(6), r"float16 \[2, 3\] has 6 bytes, expected 12"),
    ("float16", (-2, -3), bytes(12), "expected"),
])
def test_tensor_refuses(dtype, shape, data, says):
    with pytest.raises(isac_client.Error, match=says):
        isac_client.Tensor(dtype, shape, data)


def test_tensor_as_message():
    tensor = isac_client.Tensor("bfloat16", [1, 2], bytearray(b"abcd"))
    assert from_message(tensor.message()) == isac_client.Tensor("bfloat16", (1, 2), b"abcd")
    with pytest.raises(isac_client.Error, match="type 0"):
        from_message(pb.Tensor())


def test_log_lines():
    line = '{"@level":"warn","@message":"low memory","@module":"isac-plugin","@timestamp":"x","free":"1 GiB"}'
    assert log.entry(line) == (logging.WARNING, "low memory: free=1 GiB")
    for plain in ("{not json", "[1]", '{"a":1}', "words"):
        assert log.entry(plain) == (logging.WARNING, plain)
    tail = log.Tail(lambda *_: None)
    for each in ["before", "panic: index", "goroutine 1", *["frame"] * 30]:
        tail.add(each)
    assert tail.text().startswith("panic: index\ngoroutine 1") and tail.text().count("\n") == log.LINES - 1


def test_wire():
    name = b"type.googleapis.com/a.b.Error"
    detail = bytes([0x0A, len(name)]) + name + b"\x12\x02ok"
    status = b"\x08\x03\x12\x05wrong\x1a" + bytes([len(detail)]) + detail
    assert list(wire.status_details(status)) == [("a.b.Error", b"ok")]
    assert list(wire.fields(b"\x0d\x01\x00\x00\x00\x11" + bytes([2]) + bytes(7))) == [(1, 1), (2, 2)]
    for broken in (b"\x08", b"\x12\x05ab", b"\x0b", b"\x08" + b"\xff" * 11):
        with pytest.raises(ValueError):
            list(wire.fields(broken))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_loopback(address):
    assert handshake.loopback(address) and not handshake.loopback("192.168.0.1") and not handshake.loopback("example.org")


def test_request():
    hidden, pooled = isac_client.Tensor("float32", (1, 1, 1), bytes(4)), isac_client.Tensor("float16", (1, 1), bytes(2))
    message = request.open_request(
        checkpoint="m", prompt="p", counts="", method="", preset="", images=2, measure=True, encoded=(hidden, pooled),
        sizes={"height": 64, "width": 32}, instances=[("cat", 2), ("dog", 1, [5])], options={"a": True, "b": 0.5, "c": "x"},
        parametrisation="comfyui", seed=-1, loras=[("l", 1, 0.5)], weights=[("w", "float16", b"s")],
    )
    assert message.encoded.pooled.dtype == pb.DTYPE_FLOAT16 and message.sizes.width == 32 and message.seed == 2**64 - 1
    assert message.options == {"a": "true", "b": "0.5", "c": "x"} and list(message.instances[1].tokens) == [5]
    assert message.loras[0].strength_clip == 0.5 and message.weights[0].dtype == pb.DTYPE_FLOAT16 and message.measure
