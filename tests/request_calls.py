"""The DynamoDB actions the application calls while it serves requests, which its IAM policy must allow.

The store proxy sees every call, including those of the tests and of the operator's commands. Only those made inside a
request to the API or inside the authorizer count here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from chalice.app import Chalice

from chalicelib import settings

_answering: ContextVar[str | None] = ContextVar("answering", default=None)
_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

Action = tuple[str, str]  # for example "GetItem" and "users" or "grants/index/client"


class RequestCalls:
    """The calls made: for each function ("api", "authorizer", "send_logout"), a set of actions and their tables."""

    def __init__(self) -> None:
        self.made: dict[str, set[Action]] = {"api": set(), "authorizer": set(), "send_logout": set()}

    def watch(self, app: Chalice, connection: Any) -> None:
        """From now on, record what `app` calls through this PynamoDB connection."""

        def around(event: Any, get_response: Callable[[Any], Any]) -> Any:
            with self.answering("api"):
                return get_response(event)

        app.register_middleware(around, "http")
        send = connection._make_api_call

        def noting(operation_name: str, operation_kwargs: dict[str, Any]) -> Any:
            self._note(operation_name, operation_kwargs)
            return send(operation_name, operation_kwargs)

        connection._make_api_call = noting

    @contextmanager
    def answering(self, function: str) -> Iterator[None]:
        """Count this thread's calls in the context as calls of that function."""
        token = _answering.set(function)
        try:
            yield
        finally:
            _answering.reset(token)

    def _note(self, operation: str, arguments: dict[str, Any]) -> None:
        function = _answering.get()
        if function is not None:
            self.made[function].update(_actions(operation, arguments))


def _actions(operation: str, params: dict[str, Any]) -> Iterator[Action]:
    if "TransactItems" in params:
        for item in params["TransactItems"]:
            ((kind, arguments),) = item.items()
            yield _IN_TRANSACTIONS[kind], _short(arguments["TableName"])
    elif "RequestItems" in params:
        for table in params["RequestItems"]:
            yield operation, _short(table)
    else:
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield operation, _short(params["TableName"]) + index


def _short(table: str) -> str:
    return table.removeprefix(settings.SETTINGS.table_prefix)
