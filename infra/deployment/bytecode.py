"""Byte code for the deployment package. Lambda's disk is read-only: without it, every cold start compiles every module.

`chalice package` and `chalice deploy` both reuse the package in .chalice/deployments/, whose name contains a digest of
the code and its requirements. So byte code that is added there is deployed either way.
"""

from __future__ import annotations

import compileall
import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path

_WHERE_LAMBDA_UNPACKS = "/var/task"


def add(package: Path) -> int:
    """Add missing byte code, and return the number of files added.

    The Python that runs this compiles it. Chalice names the same version as the runtime. The byte code is not checked
    against its source, because nothing changes on Lambda's disk.
    """
    with zipfile.ZipFile(package) as archive:
        if any("/__pycache__/" in name for name in archive.namelist()):
            return 0
        with tempfile.TemporaryDirectory() as folder:
            archive.extractall(folder)
            compileall.compile_dir(
                folder,
                maxlevels=20,
                quiet=2,
                stripdir=folder,
                prependdir=_WHERE_LAMBDA_UNPACKS,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            made = sorted(Path(folder).rglob(f"__pycache__/*.{sys.implementation.cache_tag}.pyc"))
            with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as grown:
                for file in made:
                    grown.write(file, file.relative_to(folder))
    return len(made)
