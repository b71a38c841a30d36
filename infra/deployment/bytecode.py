"""Byte code for a deployment package: Lambda's disk is read-only, so without it every cold start compiles every module.

`chalice package` and `chalice deploy` both take the package they made before from .chalice/deployments/, under a name
that holds a digest of the code and of what it requires; so what is added there goes out with either.
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
    """Add what is missing, made by the Python that runs this, which is also the one Chalice names as the runtime.

    Gives how many files were added. The byte code does not ask whether its source has changed: nothing changes there.
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
