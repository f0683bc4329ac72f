"""Starting, asking and ending the real plugin."""
import hashlib
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import grpc
import pytest
from conftest import ENDLESS, MODELS, gone, noise, within

import isac_client
from isac_client import certificate, wire


def test_what_it_says(shared_plugin):
    told = shared_plugin.describe()
    assert "sd1" in told.families and "KSampler" in told.nodes
    assert [m.name for m in shared_plugin.methods()][0] == "isac"
    stats = shared_plugin.stats()
    assert stats.pid == shared_plugin.pid and stats.guidance_sessions == 0
    assert shared_plugin.alive and shared_plugin.free() == 0


def test_close_leaves_nothing(program):
    plugin = isac_client.start(program, models=[MODELS])
    folder, pid = plugin._folder.path, plugin.pid
    assert folder.stat().st_mode & 0o777 == 0o700
    plugin.close()
    plugin.close()
    assert not folder.exists() and gone(pid) and not plugin.alive
    with pytest.raises(isac_client.Error, match="was closed") as raised:
        plugin.stats()
    assert raised.value.kind == "OUT_OF_ORDER"


def test_close_ends_a_step(program):
    plugin = isac_client.start(program, models=[MODELS])
    session = plugin.guide(checkpoint="mini", prompt="two cats and a dog", **ENDLESS)

    def wait():
        plugin.close()

    session._wait = wait
    with pytest.raises(isac_client.Error, match="cancelled") as raised:
        session.step(0, 20, noise(1, 4, 16, 16), sigma=10)
    assert raised.value.kind == "CANCELLED"


def test_kill_in_the_middle(plugin):
    session = plugin.guide(checkpoint="mini", prompt="two cats and a dog", **ENDLESS)
    waits = []

    def wait():
        waits.append(1)
        if len(waits) == 5:
            os.kill(plugin.pid, signal.SIGKILL)

    session._wait = wait
    with pytest.raises(isac_client.PluginDied, match=r"guide step 1 of 20: isac-plugin ended: killed by signal 9 \(SIGKILL\)") as raised:
        session.step(0, 20, noise(1, 4, 16, 16), sigma=10)
    assert raised.value.exit_code == -9
    assert not plugin.alive and within(2, lambda: not plugin._folder.path.exists())
    with pytest.raises(isac_client.PluginDied):
        session.step(0, 20, noise(1, 4, 16, 16), sigma=10)
    with pytest.raises(isac_client.PluginDied):
        plugin.guide(checkpoint="mini", prompt="two cats")
    session.close()


def socket_of(plugin):
    return "unix:" + next(str(path) for path in plugin._folder.path.rglob("plugin*") if path.is_socket())


def asks(channel):
    """Whether a program with this channel gets an answer of the plugin."""
    try:
        with channel:
            channel.unary_unary("/grpc.health.v1.Health/Check")(wire.health_request("plugin"), timeout=2)
        return True
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        return False


def test_nobody_else_gets_in(program):
    """The connection takes the key that start had made: no plain one, no foreign certificate, although the socket can be opened."""
    options = [("grpc.default_authority", "localhost"), ("grpc.ssl_target_name_override", "localhost"), ("grpc.enable_retries", 0)]
    with isac_client.start(program) as plugin:
        target = socket_of(plugin)
        environ = Path(f"/proc/{plugin.pid}/environ").read_text()
        assert "PRIVATE KEY" not in environ and "BEGIN CERTIFICATE" in environ
        assert not asks(grpc.insecure_channel(target, options=options))
        # Even with the process's own certificate as its authority: any program could ask the socket for it.
        shown = certificate.pem(plugin._process.first_line.split("|")[5])
        foreign = certificate.make(program, dict(os.environ), 10)
        for shows in ({}, {"private_key": foreign.key, "certificate_chain": foreign.certificate}):
            assert not asks(grpc.secure_channel(target, grpc.ssl_channel_credentials(shown, **shows), options=options))
        assert plugin.stats().pid == plugin.pid
    with isac_client.start(program, tls=False) as plugin:
        assert asks(grpc.insecure_channel(socket_of(plugin), options=options)) and plugin.stats().pid == plugin.pid


@pytest.mark.parametrize("how", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(0)", "raise RuntimeError", "os._exit(3)"])
def test_it_ends_with_the_program(program, how):
    text = f"""
        import os, signal, sys, isac_client
        plugin = isac_client.start({str(program)!r}, models=[{str(MODELS)!r}])
        print(plugin.pid, plugin._folder.path, flush=True)
        {how}
    """
    env = {**os.environ, "PYTHONPATH": str(Path(isac_client.__file__).parents[1])}
    command = [sys.executable, "-c", textwrap.dedent(text)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, text=True)
    pid, folder = done.stdout.split()
    assert within(5, lambda: gone(int(pid))), f"{how}: the plugin is still there"
    assert within(5, lambda: not Path(folder).exists()), f"{how}: {folder} is still there"


def test_a_fork_does_not_end_it(plugin):
    child = os.fork()
    if child == 0:
        plugin.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert plugin.alive and plugin.stats().pid == plugin.pid


def test_sha256(program):
    right = hashlib.sha256(program.read_bytes()).hexdigest()
    isac_client.start(program, sha256=right.upper()).close()
    with pytest.raises(isac_client.Error, match="not the one that was expected") as raised:
        isac_client.start(program, sha256="0" * 64)
    assert raised.value.kind == "UNAVAILABLE"


def test_log(program, caplog):
    caplog.set_level(logging.DEBUG, "isac_plugin")
    with isac_client.start(program, env={"ISAC_LOG": "debug"}) as plugin:
        plugin.describe()
    assert any(record.name == "isac_plugin" and record.levelno == logging.DEBUG for record in caplog.records)
    heard = []

    def broken(level, line):
        heard.append((level, line))
        raise RuntimeError

    with isac_client.start(program, env={"ISAC_LOG": "debug"}, log=broken) as plugin:
        plugin.describe()
        assert plugin.last_words
    assert heard and all(isinstance(level, int) and not line.startswith("{") for level, line in heard)


def test_environment(program, monkeypatch):
    """The process has what it needs and no secrets."""
    for name in ("ISAC_TOKEN", "PLUGIN_X", "PYTORCH_CUDA_ALLOC_CONF", "ISAC_PRIVATE_DIR"):
        monkeypatch.setenv(name, "secret-of-the-host")
    monkeypatch.setenv("LD_PRELOAD", "")
    with isac_client.start(program, models=[MODELS, "/nowhere"], device="cpu", env={"OMP_NUM_THREADS": "1", "HOME": None}) as plugin:
        found = dict(p.split("=", 1) for p in Path(f"/proc/{plugin.pid}/environ").read_text().split("\0") if p)
    assert "secret-of-the-host" not in found.values()
    assert found["ISAC_MODELS"] == f"{MODELS}:/nowhere" and found["ISAC_DEVICE"] == "cpu" and found["OMP_NUM_THREADS"] == "1"
    assert "LD_PRELOAD" in found and "HOME" not in found


@pytest.fixture
def listening(program):
    command = [program, "serve", "--listen", "127.0.0.1:0", "--models", MODELS]
    env = {**os.environ, "ISAC_LIFELINE": "stdin"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        yield process, process.stdout.readline().split()[-1]


def test_connect(listening):
    process, address = listening
    with isac_client.connect(address) as plugin:
        assert plugin.alive and plugin.pid == process.pid
        with plugin.guide(checkpoint="mini", prompt="two cats", preset="typed") as session:
            assert session.opened.family == "sd1" and not session._large._folder
            assert session.step(0, 20, noise(1, 4, 16, 16), sigma=10).reports[0].moves == 1
        assert plugin.last_words == ""
    assert process.poll() is None
    again = isac_client.connect(address)
    process.kill()
    assert within(5, lambda: not again.alive)
    with pytest.raises(isac_client.Error, match="UNAVAILABLE"):
        again.stats()
    again.close()


@pytest.mark.parametrize(("address", "files", "says"), [
    ("here", {}, "expected HOST:PORT"),
    ("10.0.0.1:80", {}, "only a loopback address"),
    ("127.0.0.1:80", {"ca": "a"}, "belong together"),
    ("127.0.0.1:80", {"ca": "/no/a", "cert": "/no/b", "key": "/no/c"}, "No such file"),
])
def test_connect_refuses(address, files, says):
    with pytest.raises(isac_client.Error, match=says) as raised:
        isac_client.connect(address, **files)
    assert raised.value.kind == "INVALID_INPUT"


def test_connect_with_certificates(program, tmp_path):
    """Keys of the usual curve, made as docs/plugin.md's users would."""
    if subprocess.run(["openssl", "version"], capture_output=True).returncode != 0:
        pytest.skip("openssl is not installed")

    def run(*words):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "2")
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("own", "host"):
        run("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2",
            "-out", f"{name}.crt")
    files = ["--tls-cert", tmp_path / "own.crt", "--tls-key", tmp_path / "own.key", "--tls-ca", tmp_path / "ca.crt"]
    command = [program, "serve", "--listen", "127.0.0.1:0", "--models", MODELS, *files]
    env = {**os.environ, "ISAC_LIFELINE": "stdin"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        address = process.stdout.readline().split()[-1]
        began = time.monotonic()
        with isac_client.connect(address, ca=tmp_path / "ca.crt", cert=tmp_path / "host.crt", key=tmp_path / "host.key") as plugin:
            assert plugin.pid == process.pid
        assert time.monotonic() - began < 5
