#!/usr/bin/env bash
# Runs the tests with each major version of protobuf that isac-client allows, and with old and new grpcio, each in an environment of its
# own under build/protobuf. Needs pip's index, or the wheels in pip's find-links.
set -euo pipefail
cd "$(dirname "$0")/../../.."

# The oldest that is installed has to have wheels for this Python.
for pair in 4.21.12:1.49.1 4.25.8:1.62.3 5.29.5:1.67.1 6.33.0:1.76.0 7.36.2:1.85.3; do
    venv=build/protobuf/${pair/:/-}
    [ -e "$venv/.done" ] || {
        python3 -m venv "$venv"
        "$venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: "protobuf==${pair%:*}" "grpcio==${pair#*:}" pytest
        touch "$venv/.done"
    }
    echo "protobuf ${pair%:*}, grpcio ${pair#*:}"
    PYTHONPATH=host-bridge/python "$venv/bin/python" -m pytest -q -W error::UserWarning host-bridge/python/tests "$@"
done
