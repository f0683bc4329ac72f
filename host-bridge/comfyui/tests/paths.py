"""Where things are."""
import os
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
ROOT = PACK.parents[1]
PLUGIN = Path(os.environ.get("ISAC_PLUGIN", ROOT / "build/bin/isac-plugin"))
