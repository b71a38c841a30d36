"""API Gateway in front of the application, at addresses that `chalice local` does not have."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from chalice.app import Chalice
from requests.adapters import BaseAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse


@dataclass(frozen=True)
class LambdaContext:
    aws_request_id: str


class Gateway(BaseAdapter):
    """Answer a `requests` session by calling the application with Lambda events, as AWS does.

    base_path: the path in front of the routes: a stage ("/api"), a custom domain's base path, or nothing.
    passed_as: the same, as it reaches the gateway, if a CDN in front of it changed it.
    address: the caller's IP address. iam_caller: the ARN of the caller whom IAM authenticated, or None. repeated:
    headers sent more than once, by name.
    """

    def __init__(
        self,
        app: Chalice,
        base_path: str,
        *,
        passed_as: str | None = None,
        address: str = "203.0.113.7",
        iam_caller: str | None = None,
        repeated: dict[str, list[str]] | None = None,
    ) -> None:
        super().__init__()
        self.address = address
        self.iam_caller = iam_caller
        self.repeated = repeated or {}
        self.app = app
        self.base_path = base_path
        self.passed_as = base_path if passed_as is None else passed_as

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        assert parts.path.startswith(self.base_path + "/") or parts.path == self.base_path, f"{parts.path} is not ours"
        path = parts.path.removeprefix(self.base_path) or "/"
        passed = self.passed_as + parts.path.removeprefix(self.base_path)
        template, parameters = self._route(path.rstrip("/") or "/")
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        event = {
            "resource": template,
            "path": passed,
            "httpMethod": request.method,
            "headers": {**request.headers, **{name: values[-1] for name, values in self.repeated.items()}},
            "multiValueHeaders": {**{name: [value] for name, value in request.headers.items()}, **self.repeated},
            "multiValueQueryStringParameters": parse_qs(parts.query, keep_blank_values=True) or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": template,
                "httpMethod": request.method,
                "path": passed,
                "stage": "api",
                "domainName": parts.hostname,
                "identity": {"sourceIp": self.address, "userArn": self.iam_caller},
            },
            "body": body,
            "isBase64Encoded": False,
        }
        answer = self.app(event, LambdaContext(str(uuid.uuid4())))
        return self._response(request, answer)

    def close(self) -> None:
        pass

    def _route(self, path: str) -> tuple[str, dict[str, str]]:
        segments = path.split("/")
        for template in sorted(self.app.routes):
            names = template.split("/")
            if (
                not template.endswith("+}")
                and len(names) == len(segments)
                and all(name == segment or name.startswith("{") for name, segment in zip(names, segments, strict=True))
            ):
                pairs = zip(names, segments, strict=True)
                return template, {name[1:-1]: segment for name, segment in pairs if name.startswith("{")}
        for template in sorted(self.app.routes, key=len, reverse=True):
            before, _, name = template.removesuffix("+}").rpartition("{")
            if template.endswith("+}") and path.startswith(before):
                return template, {name: path.removeprefix(before).lstrip("/")}
        raise AssertionError(f"no route for {path}")

    def _response(self, request: requests.PreparedRequest, answer: dict[str, Any]) -> requests.Response:
        headers = HTTPHeaderDict(answer["headers"])
        for name, values in answer["multiValueHeaders"].items():
            for value in values:
                headers.add(name, value)
        raw = HTTPResponse(io.BytesIO(answer["body"].encode()), headers, answer["statusCode"], preload_content=False)
        raw._original_response = _Message(headers)  # type: ignore[assignment]  # where `requests` looks for cookies
        response = requests.adapters.HTTPAdapter().build_response(request, raw)
        requests.cookies.extract_cookies_to_jar(response.cookies, request, raw)  # type: ignore[no-untyped-call]
        return response


class _Message:
    def __init__(self, headers: HTTPHeaderDict) -> None:
        self.msg = self
        self._headers = headers

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def get_all(self, name: str, default: Any = None) -> Any:
        return self._headers.getlist(name) or default
