"""Packs a folder into a zip whose bytes depend on nothing but its files: names in order, the time of SOURCE_DATE_EPOCH.

    zip.py FOLDER NAME ZIP    the files of FOLDER, as the folder NAME of ZIP
"""
import os
import sys
import time
import zipfile
from pathlib import Path


def main(folder, name, target):
    when = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", when)
                entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
