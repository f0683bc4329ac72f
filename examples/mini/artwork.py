"""Fetch, render and load the artwork: one small sprite sheet, one row a class, one column a package.

`python artwork.py` rebuilds artwork/sprites.png; everything else only loads it, so that npm is
needed by nobody but who changes the artwork.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
SHEET = HERE / "artwork" / "sprites.png"
SIZE = 96  # twice the largest size at which a scene shows a sprite, so that shrinking is clean

# Pinned: another version of a package may draw a class anew.
PACKAGES = {
    "@iconify-json/noto": "1.2.9",
    "@iconify-json/twemoji": "1.2.5",
    "@iconify-json/fluent-emoji-flat": "1.2.6",
}

# class -> icon name; the packages agree on these names. One exception: Fluent's cat and dog are
# nearly the same orange shape at 20 pixels, so its cat is the black one.
ICONS = {
    "cat": "cat", "dog": "dog", "horse": "horse", "sheep": "ewe", "cow": "cow",
    "elephant": "elephant", "banana": "banana", "apple": "red-apple", "carrot": "carrot",
    "pizza": "pizza", "donut": "doughnut", "broccoli": "broccoli",
}  # fmt: skip
EXCEPT = {("@iconify-json/fluent-emoji-flat", "cat"): "black-cat"}
GROUPS = {
    "animal": ["cat", "dog", "horse", "sheep", "cow", "elephant"],
    "food": ["banana", "apple", "carrot", "pizza", "donut", "broccoli"],
}
CLASSES = [c for group in GROUPS.values() for c in group]


def svg(icons: dict, name: str) -> str:
    """The icon's SVG document. An alias points at its parent's drawing."""
    seen = name
    while seen not in icons["icons"]:
        seen = icons["aliases"][seen]["parent"]
    icon = icons["icons"][seen]
    w, h = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {w} {h}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}">{icon["body"]}</svg>'


def render(document: str) -> Image.Image:
    """An RGBA sprite SIZE x SIZE, cropped to its ink first so that equal scales look equal."""
    import resvg_py

    big = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=document, width=4 * SIZE))))
    big = big.convert("RGBA")
    ink = big.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    big = big.crop(ink)
    scale = SIZE / max(big.size)
    small = big.convert("RGBa").resize((max(1, round(big.width * scale)), max(1, round(big.height * scale))), Image.LANCZOS)
    small = small.convert("RGBA")
    out = Image.new("RGBA", (SIZE, SIZE))
    out.paste(small, ((SIZE - small.width) // 2, (SIZE - small.height) // 2))
    return out


def fetch() -> Image.Image:
    """Install the pinned packages into a temporary folder and draw the sheet."""
    sheet = Image.new("RGBA", (SIZE * len(PACKAGES), SIZE * len(CLASSES)))
    with tempfile.TemporaryDirectory() as tmp:
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        subprocess.run(
            ["npm", "install", "--no-save", "--ignore-scripts", "--prefix", tmp, *wanted],
            check=True,
        )
        for column, package in enumerate(PACKAGES):
            folder = Path(tmp) / "node_modules" / package
            icons = json.loads((folder / "icons.json").read_text())
            for row, name in enumerate(CLASSES):
                icon = EXCEPT.get((package, name), ICONS[name])
                sheet.paste(render(svg(icons, icon)), (column * SIZE, row * SIZE))
    return sheet


def load(path: Path = SHEET) -> dict[str, list[np.ndarray]]:
    """class -> its artworks, each [SIZE, SIZE, 4] uint8, alpha not premultiplied."""
    sheet = np.asarray(Image.open(path).convert("RGBA"))
    sprites = {}
    for row, name in enumerate(CLASSES):
        band = sheet[row * SIZE : (row + 1) * SIZE]
        sprites[name] = [band[:, c * SIZE : (c + 1) * SIZE] for c in range(len(PACKAGES))]
    return sprites


if __name__ == "__main__":
    SHEET.parent.mkdir(exist_ok=True)
    fetch().save(SHEET, optimize=True)
    print(SHEET, SHEET.stat().st_size, "bytes", file=sys.stderr)
