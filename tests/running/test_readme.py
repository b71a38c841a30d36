"""The commands in the README work when pasted unchanged."""

from __future__ import annotations

import re

from tests.local_run import ROOT, LocalRun


def test_curl_walkthrough_in_the_readme_goes_from_authorize_to_revoke(local_run: LocalRun) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    walk = next(block for block in blocks if "oauth/authorize" in block)
    assert walk.count("http://127.0.0.1:8000") == 1
    ended = local_run.run("bash", "-euo", "pipefail", "-c", walk.replace("http://127.0.0.1:8000", local_run.base_url))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    back, tokens, me, organizers, renamed, replaced, refreshed, revoked, ended_token = ended.stdout.splitlines()
    assert "code=lyac_" in back
    assert '"refresh_token": "lyrt_' in tokens
    assert '"fullname": "John Doe"' in me
    assert refreshed == me
    assert '"count": 1' in organizers
    assert '"slug": "bigevents"' in renamed
    assert revoked == "200"
    assert '"error": "invalid_token"' in replaced
    assert replaced == ended_token
