"""Writes pack/schema.json: what isac-plugin says of the nodes that the pack has.   make_schema.py PLUGIN"""
import json
import subprocess
import sys

from paths import PACK

NODES = ("ISACGuidance", "ISACInstances", "ISACMasks")
SCHEMA = PACK / "pack/schema.json"


def described(plugin):
    """The entries of the nodes, as the file has them."""
    said = json.loads(subprocess.run([plugin, "describe"], check=True, capture_output=True).stdout)["nodes"]
    entries = {name: said[name] for name in NODES}
    for entry in entries.values():
        entry.pop("python_module", None)
        for inputs in entry["input"].values():
            for spec in inputs.values():
                if isinstance(spec, list) and len(spec) > 1:
                    spec[1].pop("presets", None)  # for isac-host's page
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(described(sys.argv[1]), encoding="utf-8")
