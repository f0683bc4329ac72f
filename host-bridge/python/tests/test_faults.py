"""Programs that are no good plugin."""
import os
import sys
import time
from pathlib import Path

import pytest
from conftest import within

import isac_client
from isac_client import folder

SERVE = """
    import grpc
    NETWORK = "unix"
    from concurrent.futures import ThreadPoolExecutor
    def handler(request, context): return ANSWER
    class All(grpc.GenericRpcHandler):
        def service(self, call):
            if call.method == "/grpc.health.v1.Health/Check":
                return grpc.unary_unary_rpc_method_handler(handler)
            if call.method == "/plugin.GRPCStdio/StreamStdio":
                return grpc.unary_stream_rpc_method_handler(lambda r, c: iter([b"\\x08\\x01\\x12\\x06said\\nx"]))
    server = grpc.server(ThreadPoolExecutor(4), handlers=[All()])
    host = os.environ["PLUGIN_CLIENT_CERT"].encode()
    own, end, key = pair().partition(b"-----END CERTIFICATE-----\\n")
    secure = grpc.ssl_server_credentials([(key, own + end)], root_certificates=host, require_client_auth=True)
    if NETWORK == "tcp":
        address = "127.0.0.1:%d" % server.add_secure_port("127.0.0.1:0", secure)
    else:
        address = HOME + "/socket"
        server.add_secure_port("unix:" + address, secure)
    server.start()
    print("noise on standard error", file=sys.stderr, flush=True)
    shown = "".join(own.decode().split("\\n")[1:]).rstrip("=")
    print("1|1|" + NETWORK + "|" + address + "|grpc|" + shown, flush=True)
    print("a library prints", flush=True)
    while sys.stdin.read(1): pass
"""


@pytest.fixture(autouse=True)
def no_folders_left():
    before = set(folder.base().glob("isac-*"))
    yield
    assert within(3, lambda: set(folder.base().glob("isac-*")) <= before)


@pytest.mark.parametrize(("text", "says"), [
    ("print('Hello')", "began with 'Hello'"),
    ("print('1|7|unix|/x|grpc|')", "speaks version 7 of the contract"),
    ("print('2|1|unix|/x|grpc|')", "began with"),
    ("print('1|1|unix|/x|netrpc|')", "expected grpc"),
    ("print('1|1|tcp|10.0.0.1:1|grpc|', flush=True); time.sleep(9)", "expected a unix socket, or a port of this machine"),
    ("print('1|1|unix|' + HOME + '/none|grpc|', flush=True); time.sleep(9)", "did not answer with a certificate"),
    ("print('1|1|tcp|127.0.0.1:1|grpc|not base64!', flush=True); time.sleep(9)", "'not base64!' in the place of its certificate"),
    ("print('1|1|unix|' + HOME + '/none|grpc|MIIB', flush=True); time.sleep(9)", "no answer from isac-plugin"),
    ("os.close(1); time.sleep(9)", "closed its standard output"),
    ("print('why', file=sys.stderr, flush=True); time.sleep(9)", r"printed no handshake in the time .*\nwhy"),
    (SERVE.replace("ANSWER", "b'\\x08\\x02'"), "does not serve"),
])
def test_it_does_not_start(play, text, says):
    waits = 60 if "grpc.server" in text else 2  # only one that says nothing is waited for to the end
    with pytest.raises(isac_client.Error, match=says) as raised:
        isac_client.start(play(text), start_timeout=waits)
    assert raised.value.kind == "UNAVAILABLE" or isinstance(raised.value, isac_client.PluginDied)


def test_it_dies_at_the_start(play):
    with pytest.raises(isac_client.PluginDied, match="exit status 7; it last wrote:\nno library") as raised:
        isac_client.start(play("print('no library', file=sys.stderr); sys.exit(7)"))
    assert raised.value.exit_code == 7 and raised.value.last_words == "no library"


def test_it_dies_after_the_handshake(play):
    text = "print('1|1|unix|' + HOME + '/none|grpc|', flush=True); print('panic: oh\\nstack', file=sys.stderr, flush=True); os.abort()"
    with pytest.raises(isac_client.PluginDied, match="SIGABRT.*\npanic: oh"):
        isac_client.start(play(text))


def test_what_it_prints_is_read(play):
    heard = []
    with isac_client.start(play(SERVE.replace("ANSWER", "b'\\x08\\x01'")), log=lambda level, line: heard.append(line)) as plugin:
        assert within(5, lambda: {"a library prints", "noise on standard error", "said", "x"} <= set(heard)), heard
        with pytest.raises(isac_client.Error, match="describe: UNIMPLEMENTED"):
            plugin.describe()


def test_pipes_are_drained(play):
    """A program that prints more than a pipe holds does not stand still."""
    text = "sys.stderr.write('x' * 99 + '\\n' * 1); sys.stderr.write(('y' * 99 + '\\n') * 20000); sys.stderr.flush(); sys.exit(5)"
    with pytest.raises(isac_client.PluginDied) as raised:
        isac_client.start(play(text))
    assert raised.value.exit_code == 5 and raised.value.last_words.count("y" * 99) == 12


def test_a_plugin_that_ignores_its_host(play, monkeypatch):
    """It is killed after the grace time."""
    monkeypatch.setattr("isac_client.plugin.GRACE", 0.3)
    plugin = isac_client.start(play(SERVE.replace("ANSWER", "b'\\x08\\x01'").replace("while sys.stdin.read(1): pass", "time.sleep(60)")))
    began = time.monotonic()
    plugin.close()
    assert time.monotonic() - began < 5 and plugin._process.exit_code == -9


def test_no_program(monkeypatch, tmp_path):
    monkeypatch.delenv("ISAC_PLUGIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(isac_client.Error, match="not found: neither .* nor any folder of PATH"):
        isac_client.start()
    with pytest.raises(isac_client.Error, match="path '/no/such' is no program"):
        isac_client.start("/no/such")
    monkeypatch.setenv("ISAC_PLUGIN", "/no/such")
    with pytest.raises(isac_client.Error, match="ISAC_PLUGIN '/no/such' is no program"):
        isac_client.start()
    broken = tmp_path / "isac-plugin"
    broken.write_text("no program")
    broken.chmod(0o755)
    with pytest.raises(isac_client.Error, match="Exec format error"):
        isac_client.start(broken)


@pytest.mark.parametrize(("text", "says"), [
    ("print('usage'); print('no such command', file=sys.stderr); sys.exit(80)", "status 80 .*: is this .*\n?.*no such command"),
    ("print('-----BEGIN CERTIFICATE-----'); sys.exit(0)", "printed no certificate with its key"),
    ("time.sleep(9)", "printed no certificate in the time"),
])
def test_no_certificate(tmp_path, text, says):
    program = tmp_path / "isac-plugin"
    program.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n")
    program.chmod(0o755)
    with pytest.raises(isac_client.Error, match=says) as raised:
        isac_client.start(program, start_timeout=1)
    assert raised.value.kind == "UNAVAILABLE"


def test_a_port(play):
    """As on Windows, where go-plugin listens on a port of the machine: nobody gets in without the certificate."""
    serving = SERVE.replace("ANSWER", "b'\\x08\\x01'").replace('NETWORK = "unix"', 'NETWORK = "tcp"')
    heard = []
    with isac_client.start(play(serving), log=lambda level, line: heard.append(line)) as plugin:
        assert within(5, lambda: "said" in heard), heard
        with pytest.raises(isac_client.Error, match="describe: UNIMPLEMENTED"):
            plugin.describe()
    plain = "print('1|1|tcp|127.0.0.1:1|grpc|', flush=True); time.sleep(9)"
    with pytest.raises(isac_client.Error, match="every program of this machine reaches a port"):
        isac_client.start(play(plain), tls=False)


def test_leftovers_are_swept(tmp_path):
    left = folder.Folder(tmp_path)
    os.utime(left.path, (0, 0))
    in_use = folder.Folder(tmp_path)  # sweeps, and leaves alone what is locked
    assert left.path.exists()
    os.close(left._lock)
    os.utime(in_use.path, (0, 0))
    folder.Folder(tmp_path).remove()
    assert not left.path.exists() and in_use.path.exists()
    in_use.remove()
    other = tmp_path / "isac-notes"
    other.mkdir()
    os.utime(other, (0, 0))
    folder.sweep(tmp_path)
    assert other.exists(), "a folder without the mark is somebody else's"


def test_where_the_folder_is(monkeypatch, tmp_path):
    monkeypatch.setattr(folder, "MEMORY", tmp_path / "none")
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: "/" + "x" * 80)
    assert folder.base() == Path("/tmp")
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: "/var/tmp")
    assert folder.base() == Path("/var/tmp")
