"""Byte code for the deployment package. Lambda's disk is read-only: without it, every cold start compiles every module.

`chalice package` and `chalice deploy` both reuse the package in .chalice/deployments/, whose name contains a digest of
the code and its requirements. So byte code that is added there is deployed either way.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

_CACHE = "__pycache__"
_WHERE_LAMBDA_UNPACKS = "/var/task"


def add(package: Path) -> int:
    """Add missing byte code, and return the number of files added.

    The Python that runs this compiles it. Chalice names the same version as the runtime. The byte code is not checked
    against its source, because nothing changes on Lambda's disk. Chalice packs what Python has left beside our sources,
    which Lambda would compare with times that the package does not keep: it is dropped.
    """
    tag = sys.implementation.cache_tag
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(package) as archive:
            if f"{_CACHE}/app.{tag}.pyc" in archive.namelist():
                return 0
            archive.extractall(folder)
        for left in Path(folder).rglob(_CACHE):
            shutil.rmtree(left)
        compileall.compile_dir(
            folder,
            maxlevels=20,
            quiet=2,
            stripdir=folder,
            prependdir=_WHERE_LAMBDA_UNPACKS,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        grown = package.with_suffix(".new")
        with zipfile.ZipFile(grown, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(folder))
        grown.replace(package)
        return sum(1 for _ in Path(folder).rglob(f"{_CACHE}/*.{tag}.pyc"))
