"""The commands that rotate the signing keys, run as processes, and what a running application makes of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chalicelib import limits, signing_keys
from chalicelib.keys import signing
from chalicelib.signing_keys import SigningKey
from infra.laptop.ministack import client_environment
from tests import local_aws
from tests.conftest import Clock
from tests.flows.test_stored_signing_keys import check, jwks, kids, new_process, use
from tests.local_aws import LocalAws
from tests.manage_server import ManageServer
from tests.store_proxy import Fault, StoreProxy

ROOT = Path(__file__).resolve().parent.parent.parent
LIST = "/lanyard/test/signing-keys"
pytestmark = pytest.mark.spec("docs/deploy/rotation.md")


class Stage:
    """A stage whose keys are in SSM, and manage.py at it. ssm: what is between the commands and SSM."""

    def __init__(self, aws: LocalAws, ssm: StoreProxy, kms_key: str) -> None:
        self.aws, self.ssm, self.kms_key = aws, ssm, kms_key
        ours = ("AWS_", "LANYARD_", "TABLE_PREFIX", "PUBLIC_URL", "MAIL_", "SIGN_UP", "SERVER_KEY", "PYTEST")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = {
            **inherited,
            **client_environment(aws.url),
            "AWS_ENDPOINT_URL_SSM": f"http://127.0.0.1:{ssm.port}",
            "AWS_ENDPOINT_URL_KMS": aws.url,
            "SIGNING_KEYS_PARAMETER": LIST,
            "SIGNING_KMS_KEYS": kms_key,
        }
        self._commands = ManageServer(ROOT, self.environment)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._commands.run("--stage", "local", *words, stdin="")

    def stop(self) -> None:
        self._commands.stop()

    def keys(self, *words: str) -> Any:
        """The JSON that a command of `keys` prints."""
        ended = self.run("keys", *words, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def refused(self, *words: str) -> str:
        """The one line with which a command of `keys` refuses."""
        ended = self.run("keys", *words)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert ended.stderr.startswith("Error: ")
        assert ended.stderr.count("\n") == 1
        return ended.stderr

    def list_(self) -> tuple[SigningKey, ...]:
        return signing_keys.parse(self.aws.get(LIST), with_private=False)

    def states(self) -> dict[str, str]:
        return {key.key_id: key.status for key in self.list_()}

    def private(self) -> set[str]:
        found = self.aws.ssm.get_parameters_by_path(Path=LIST)["Parameters"]
        return {one["Name"].rpartition("/")[2] for one in found}

    def let_pass(self, seconds: int) -> None:
        """Everything in the list happened this much earlier."""

        def earlier(at: int | None) -> int | None:
            return None if at is None else at - seconds

        made = (
            replace(
                key,
                created_at=earlier(key.created_at),
                published_at=earlier(key.published_at),
                active_at=earlier(key.active_at),
                retired_at=earlier(key.retired_at),
            )
            for key in self.list_()
        )
        self.aws.put(LIST, signing_keys.to_text(tuple(made)))

    def reset(self) -> None:
        for name in [LIST, *(f"{LIST}/{key_id}" for key_id in self.private())]:
            self.aws.ssm.delete_parameters(Names=[name])


@pytest.fixture(scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with local_aws.running(tmp_path_factory.mktemp("keys")) as aws:
        proxy = StoreProxy(urlsplit(aws.url).port or 0)
        kms_key = aws.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        made = Stage(aws, proxy, kms_key)
        assert made.run("tables", "create").returncode == 0
        yield made
        made.stop()
        proxy.stop()


@pytest.fixture
def stage(_stage: Stage, base_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage without keys, which the application at base_url serves."""
    assert base_url
    _stage.reset()
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_SSM", _stage.aws.url)
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_KMS", _stage.aws.url)
    use(monkeypatch, signing_keys_parameter=LIST, signing_kms_keys=(_stage.kms_key,))
    new_process()
    yield _stage
    new_process()


def signed_by() -> str:
    """The id of the key that signs in the application's process."""
    token = signing.sign({}, token_type="JWT")
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def published(base_url: str) -> list[str]:
    """The ids of the published keys, without an RSA key's second JWK."""
    return kids(base_url)


def test_rotation_step_by_step(stage: Stage, base_url: str, clock: Clock) -> None:
    clock.stop()
    assert stage.run("keys", "list").stdout == "There are no keys yet: keys new.\n"
    first = stage.keys("new")["key_id"]
    assert stage.states() == {first: "active"}, "nobody has read a list without it"
    old_token = signing.sign({"sub": "somebody"}, token_type="JWT")
    second = stage.keys("new")["key_id"]
    assert stage.keys("new")["key_id"] == second, "one successor is enough"
    assert stage.states() == {first: "active", second: "next"}
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
    assert (signed_by(), published(base_url)) == (first, [first, second])

    assert "has not been published for long enough" in stage.refused("rotate")
    stage.let_pass(limits.SUCCESSOR_PUBLISHED_SECONDS)
    assert stage.keys("rotate", "--dry-run")["would"] == f"let {second} sign, and retire {first}"
    assert stage.states() == {first: "active", second: "next"}
    assert stage.keys("rotate", second)["status"] == "active"
    assert stage.keys("rotate", second)["status"] == "active", "a lost answer may be asked for again"
    assert stage.states() == {first: "retired", second: "active"}
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
    assert (signed_by(), published(base_url)) == (second, [first, second])
    assert check(old_token, base_url)["kid"] == first

    assert "may still be valid" in stage.refused("retire", first, "--yes")
    stage.let_pass(limits.RETIRED_KEY_PUBLISHED_SECONDS)
    assert stage.keys("list")[0]["then"] == f"keys retire {first}"
    stage.keys("retire", first, "--yes")
    assert stage.states() == {second: "active"}
    assert stage.private() == {second}
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
    assert published(base_url) == [second]


def test_emergency_rotation_is_rehearsed(stage: Stage, base_url: str, clock: Clock) -> None:
    clock.stop()
    stolen = stage.keys("new")["key_id"]
    successor = stage.keys("new")["key_id"]
    token = signing.sign({"sub": "somebody"}, token_type="JWT")
    assert check(token, base_url)["kid"] == stolen
    assert "It cannot be undone. Add --yes" in stage.refused("retire", "--now", stolen)
    answer = stage.keys("retire", "--now", stolen, "--yes")
    assert answer == {"key_id": stolen, "removed": True, "signs": successor}
    assert stage.private() == {successor}, "the stolen key is of no use to us any more"
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
    assert (signed_by(), published(base_url)) == (successor, [successor])
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, KeySet.import_key_set(jwks(base_url)), algorithms=["RS256"])  # type: ignore[arg-type]
    assert check(signing.sign({}, token_type="JWT"), base_url)["kid"] == successor
    (row,) = stage.keys("list")
    assert row["then"] == "has no successor: keys new --algorithm RS256"


def test_emergency_without_a_successor_makes_one(stage: Stage, base_url: str) -> None:
    stolen = stage.keys("new")["key_id"]
    made = stage.keys("retire", "--now", stolen, "--yes")["signs"]
    assert stage.states() == {made: "active"}
    assert made != stolen
    assert check(signing.sign({}, token_type="JWT"), base_url)["kid"] == made


def test_key_that_signs_is_not_retired_by_mistake(stage: Stage) -> None:
    first = stage.keys("new")["key_id"]
    assert "keys rotate" in stage.refused("retire", first, "--yes")
    assert "There is no key 'typo'" in stage.refused("retire", "--now", "typo", "--yes")
    assert "No key is published to sign next: keys new." in stage.refused("rotate")
    assert stage.states() == {first: "active"}


def test_successor_that_never_signed_can_go_at_once(stage: Stage) -> None:
    first, second = (stage.keys("new")["key_id"] for _ in range(2))
    stage.keys("retire", second, "--yes")
    assert (stage.states(), stage.private()) == ({first: "active"}, {first})


def test_each_algorithm_has_a_rotation_of_its_own(stage: Stage) -> None:
    rsa = stage.keys("new")["key_id"]
    curve = stage.keys("new", "--algorithm", "ES256")["key_id"]
    assert stage.states() == {rsa: "active", curve: "next"}, "somebody may have a list without it"
    after_rsa = stage.keys("new")["key_id"]
    stage.let_pass(limits.SUCCESSOR_PUBLISHED_SECONDS)
    assert "Name the key: " in stage.refused("rotate")
    stage.keys("rotate", curve)
    assert stage.states() == {rsa: "active", curve: "active", after_rsa: "next"}
    assert signing.algorithms() == ("RS256", "PS256", "ES256")
    assert "has not signed yet" in stage.refused("rotate", curve, "--replaces", after_rsa)
    assert "cannot replace itself" in stage.refused("rotate", curve, "--replaces", curve)
    for _ in range(2):
        assert stage.keys("rotate", curve, "--replaces", rsa)["status"] == "active"
        assert stage.states() == {rsa: "retired", curve: "active", after_rsa: "next"}
    new_process()
    assert signing.algorithms() == ("ES256",)


def test_key_in_kms_is_published_rotated_and_left_to_kms(stage: Stage, base_url: str) -> None:
    first = stage.keys("new", "--algorithm", "ES256")["key_id"]
    in_kms = stage.keys("new", "--kms", stage.kms_key)["key_id"]
    assert stage.keys("new", "--kms", stage.kms_key)["key_id"] == in_kms
    assert stage.private() == {first}
    stage.keys("retire", in_kms, "--yes")
    other = stage.keys("new", "--algorithm", "ES256")["key_id"]
    assert f"{other} is to sign next with ES256." in stage.refused("new", "--kms", stage.kms_key)
    stage.keys("retire", other, "--yes")
    assert stage.keys("new", "--kms", stage.kms_key)["key_id"] == in_kms
    stage.let_pass(limits.SUCCESSOR_PUBLISHED_SECONDS)
    stage.keys("rotate", in_kms)
    assert check(signing.sign({}, token_type="JWT"), base_url)["kid"] == in_kms
    assert "keys new" in stage.refused("retire", "--now", in_kms, "--yes"), "the operator decides where the next one is"
    stage.keys("new", "--algorithm", "ES256")
    ended = stage.run("keys", "retire", "--now", in_kms, "--yes")
    assert f"aws kms disable-key --key-id {stage.kms_key}" in ended.stdout


def test_kms_key_that_the_stage_may_not_use_is_refused(stage: Stage) -> None:
    other = stage.aws.kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert "SIGNING_KMS_KEYS does not name" in stage.refused("new", "--kms", other)


def test_list_says_what_to_do_next(stage: Stage) -> None:
    first, second = (stage.keys("new")["key_id"] for _ in range(2))
    rows = {row["key_id"]: row for row in stage.keys("list")}
    assert rows[first]["then"] is None
    assert rows[second]["then"].startswith("may sign from 20")
    stage.let_pass((limits.SIGNING_KEY_OLD_DAYS + 1) * limits.DAY_SECONDS)
    rows = {row["key_id"]: row for row in stage.keys("list")}
    assert rows[first]["then"] == "is 366 days old; rotate to its successor"
    assert rows[second]["then"] == f"keys rotate {second}"
    stage.aws.ssm.delete_parameter(Name=f"{LIST}/{second}")
    stage.aws.put(f"{LIST}/0123456789abcdef", "anything")
    rows = {row["key_id"]: row for row in stage.keys("list")}
    assert rows[second]["then"] == f"its private key is missing, so it cannot sign: keys retire {second}"
    assert "nothing uses it: keys retire 0123456789abcdef" in rows["0123456789abcdef"]["then"]
    assert f"{second} cannot sign: ParameterNotFound" in stage.refused("rotate")
    stage.keys("retire", "0123456789abcdef", "--yes")
    stage.keys("retire", second, "--yes")
    assert (stage.states(), stage.private()) == ({first: "active"}, {first})


def test_no_output_shows_a_private_key(stage: Stage) -> None:
    shown = "".join(stage.run(*words).stdout for words in (("keys", "new"), ("keys", "list"), ("audit",)))
    (key,) = stage.list_()
    private = signing_keys.parse_private_key(stage.aws.get(f"{LIST}/{key.key_id}")).private
    assert key.key_id in shown
    assert private
    assert not any(value in shown for value in private.values())


def test_stage_without_a_place_for_keys_says_what_to_set(stage: Stage) -> None:
    for name, value, problem in (
        ("SIGNING_KEYS_PARAMETER", "", "This stage signs nothing. Set SIGNING_KEYS_PARAMETER"),
        ("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9", "Cannot use AWS: EndpointConnectionError."),
    ):
        environment = {**stage.environment, "SIGNING_KMS_KEYS": "", name: value}
        command = [".venv/bin/python", "manage.py", "--stage", "local", "keys", "new"]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert problem in ended.stderr


def test_change_of_another_operator_at_the_same_time_is_noticed(stage: Stage) -> None:
    first, second = (stage.keys("new")["key_id"] for _ in range(2))
    stage.let_pass(limits.SUCCESSOR_PUBLISHED_SECONDS)

    def change() -> None:
        stage.aws.put(LIST, signing_keys.to_text(stage.list_()[:1]))

    with stage.ssm.before("PutParameter", change):
        assert "Somebody else changed" in stage.refused("rotate", second)
    assert stage.states() == {first: "retired", second: "active"}


# Each write of each command. What is there before, the command, and what is there in the end: "-" for a new key.
_ONE, _TWO, _RETIRED = ("active",), ("active", "next"), ("retired", "active")
CUT_OFF = [
    ((), ("new",), 2, ("active",)),
    (_ONE, ("new",), 2, ("active", "next")),
    (_TWO, ("rotate", "{1}"), 1, ("retired", "active")),
    (_RETIRED, ("retire", "{0}", "--yes"), 2, ("active",)),
    (_TWO, ("retire", "--now", "{0}", "--yes"), 2, ("active",)),
    (_ONE, ("retire", "--now", "{0}", "--yes"), 3, ("active",)),
]
CASES = [
    pytest.param(before, words, number, fault, after, id=f"{' '.join(words)}-{len(before)}-{number}-{fault.name}")
    for before, words, writes, after in CUT_OFF
    for number in range(writes)
    for fault in (Fault.DROPS_CONNECTION, Fault.LOSES_ANSWER)
]


@pytest.mark.parametrize(("before", "words", "number", "fault", "after"), CASES)
def test_interrupted_command_leaves_what_signs_published_and_is_repaired_by_repeating_it(
    stage: Stage,
    base_url: str,
    before: tuple[str, ...],
    words: tuple[str, ...],
    number: int,
    fault: Fault,
    after: tuple[str, ...],
) -> None:
    made = [stage.keys("new")["key_id"] for _ in range(min(len(before), 2))]
    if before:
        stage.let_pass(limits.SUCCESSOR_PUBLISHED_SECONDS)
    if before == _RETIRED:
        stage.keys("rotate", made[1])
        stage.let_pass(limits.RETIRED_KEY_PUBLISHED_SECONDS)
    command = [word.format(*made) for word in words]
    is_delete = words[0] == "retire" and number == (2 if before == _ONE else 1)
    operation, passed = ("DeleteParameter", 0) if is_delete else ("PutParameter", number)
    with stage.ssm.fault(fault, operation, passed=passed):
        assert stage.run("keys", *command).returncode == 2
    new_process()
    rows = stage.keys("list") if stage.run("keys", "list").returncode == 0 else []
    if before or any(row["status"] == "active" for row in rows):
        assert check(signing.sign({}, token_type="JWT"), base_url)["kid"] in published(base_url)
    repeated = stage.run("keys", *command)
    already_gone = fault is Fault.LOSES_ANSWER and is_delete
    assert repeated.returncode == (2 if already_gone else 0), repeated.stderr
    is_first = not before and number == 1 and fault is Fault.LOSES_ANSWER  # so the repetition made its successor
    assert tuple(key.status for key in stage.list_()) == ((*after, "next") if is_first else after)
    new_process()
    assert signed_by() in published(base_url)
    unused = {row["key_id"] for row in stage.keys("list") if row["status"] == "left over"}
    assert stage.private() == {key.key_id for key in stage.list_()} | unused
    for key_id in unused:
        stage.keys("retire", key_id, "--yes")
    assert stage.private() == {key.key_id for key in stage.list_()}


def test_other_parameters_below_the_list_are_left_alone(stage: Stage) -> None:
    stage.aws.put(f"{LIST}/server-key", "which has nothing to do with it")
    first = stage.keys("new")["key_id"]
    assert [row["key_id"] for row in stage.keys("list")] == [first]
    assert "There is no key 'server-key'" in stage.refused("retire", "--now", "server-key", "--yes")
    assert stage.aws.get(f"{LIST}/server-key")
