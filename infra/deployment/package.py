"""`make package STAGE=...`: one CloudFormation template and the zip in dist/STAGE/, for a pipeline.

python -m infra.deployment.package STAGE
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3

from infra.deployment import bytecode, templates
from infra.deployment.templates import ROOT, NotDeployable

DIST = ROOT / "dist"


def main() -> int:
    try:
        stage = sys.argv[1] if len(sys.argv) == 2 else ""
        folder = build(stage)
    except NotDeployable as error:
        print(error, file=sys.stderr)
        return 2
    shown = folder.relative_to(ROOT)
    print(f"Wrote {shown}/template.json, {shown}/parameters.json and {shown}/deployment.zip. To deploy them:")
    print(f"  aws cloudformation package --template-file {shown}/template.json --s3-bucket BUCKET \\")
    print(f"    --use-json --output-template-file {shown}/packaged.json")
    print(f"  aws cloudformation deploy --template-file {shown}/packaged.json --stack-name lanyard-{stage} \\")
    print(f"    --s3-bucket BUCKET --capabilities CAPABILITY_IAM --parameter-overrides file://{shown}/parameters.json")
    return 0


def build(stage: str) -> Path:
    """Write template.json, parameters.json and deployment.zip to dist/STAGE/, and return it. Raises NotDeployable."""
    template = templates.whole(stage)
    chosen = templates.parameters(stage, template)
    templates.check_permissions(stage)
    templates.check_providers(stage)
    folder = DIST / stage
    folder.mkdir(parents=True, exist_ok=True)
    merge = folder / "merge.json"
    merge.write_text(json.dumps(template), encoding="utf-8")
    chalice("package", "--stage", stage, "--merge-template", str(merge), str(folder))
    merge.unlink()
    (folder / "sam.json").replace(folder / "template.json")
    bytecode.add(folder / "deployment.zip")
    overrides = [f"{name}={value}" for name, value in chosen.items()]
    (folder / "parameters.json").write_text(json.dumps(overrides, indent=1) + "\n", encoding="utf-8")
    return folder


def chalice(*arguments: str) -> str:
    """Run Chalice's command and return what it prints. Raises NotDeployable with its last line."""
    environment = {**os.environ, "LANYARD_STAGE": "local", "PUBLIC_URL": ""}
    region = boto3.Session().region_name  # from the environment or from ~/.aws/config
    if not region:
        raise NotDeployable("Set a region, for example AWS_DEFAULT_REGION=eu-central-1.")
    environment["AWS_DEFAULT_REGION"] = region
    command = Path(sys.executable).with_name("chalice")
    ended = subprocess.run(
        [command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        lines = (ended.stderr or ended.stdout).strip().splitlines()
        raise NotDeployable(f"chalice {arguments[0]}: {lines[-1] if lines else 'failed'}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
