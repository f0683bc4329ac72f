#!/usr/bin/env bash
# Installs clients of ComfyUI, unmodified and each of one version, into a folder: install.sh DIR
# NAME.done is there where one could be installed, else NAME.skipped says why not. make test-clients runs the tests that use them.
set -euo pipefail
mkdir -p "$1"
cd "$1"

# client runs a command that installs one, once for each version.
client() { # name, version, command
    local name=$1 version=$2
    shift 2
    [ "$(cat "$name.done" 2>/dev/null)" = "$version" ] && return
    rm -f "$name.done" "$name.skipped"
    echo "clients: $name $version" >&2
    if "$@" >"$name.log" 2>&1; then
        echo "$version" >"$name.done"
    else
        { echo "$name $version could not be installed:"; tail -n 3 "$name.log"; } >"$name.skipped"
        cat "$name.skipped" >&2
    fi
}

pip() { venv/bin/pip --disable-pip-version-check -q "$@"; }

# Its wheel is large, and one file of it is needed.
webui() {
    pip install aiohttp pydantic || return
    rm -rf webui && mkdir webui
    pip download --no-deps -d webui "open-webui==$1" || return
    python3 - webui/*.whl <<'P' || return
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    open("webui/comfyui.py", "wb").write(wheel.read("open_webui/utils/images/comfyui.py"))
P
    rm webui/*.whl
}

sillytavern() {
    rm -rf sillytavern && mkdir sillytavern || return # what an install that broke off has left is not gone on with
    npm install --prefix sillytavern --no-audit --no-fund --no-save --ignore-scripts --omit=optional --loglevel=error "sillytavern@$1"
}

[ -x venv/bin/pip ] || python3 -m venv venv
client comfy-cli 1.23.0 pip install comfy-cli==1.23.0
client comfy-api-simplified 1.6.0 pip install comfy-api-simplified==1.6.0
client comfy-script 0.6.1 pip install 'comfy-script[client,runtime]==0.6.1'
client open-webui 0.12.4 webui 0.12.4
client sillytavern 1.19.0 sillytavern 1.19.0
