"""scim2-tester, an independent check of SCIM servers, passes unchanged against `make run`."""

from __future__ import annotations

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.actors import ClientApp
from tests.local_run import LocalRun
from tests.running.test_manage import CALLBACK, in_json
from tests.scim.platform_server import PlatformServer


@pytest.mark.spec("RFC 7643 §4", "RFC 7644 §3", "RFC 7644 §4")
def test_scim2_tester_finds_nothing_wrong(local_run: LocalRun) -> None:
    create = ("applications", "create", "--owner", "admin@localhost", "--name", "Our server")
    made = in_json(local_run, *create, "--redirect-uri", CALLBACK)
    in_json(local_run, "applications", "allow-own", made["client_id"], "--scope", "scim")
    app = ClientApp(local_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    platform = PlatformServer(app)
    headers = {"Authorization": f"Bearer {platform.token}"}
    with Client(base_url=platform.root, headers=headers, timeout=60, trust_env=False) as http:
        results = check_server(SyncSCIMClient(http))
    wrong = [f"{one.title}: {one.reason}" for one in results if one.status not in (Status.SUCCESS, Status.SKIPPED)]
    assert wrong == []
    skipped = [str(one.title) for one in results if one.status == Status.SKIPPED]
    assert skipped == ["search_with_attributes"] * 2, "only a search across kinds of resources is not supported"
    assert len(results) > 40
    in_json(local_run, "organizers", "reindex", "--dry-run")
