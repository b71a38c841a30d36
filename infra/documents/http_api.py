"""docs/http-api.md, from the OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from chalicelib.endpoints.api.openapi import SOURCE
from infra.documents import table

_INTRODUCTION = """\
<!-- Made by `make docs` from chalicelib/endpoints/api/openapi.json. Change that and make it again. -->
# HTTP API

{description}

A running provider serves this description in OpenAPI {version}, with its own addresses, at `{path}`.
`make run` serves it at http://127.0.0.1:8000{path}.
"""
# What every operation can answer stands in the description at each of them, and on the page once.
_EVERYWHERE = ("405", "413", "500", "503")
_METHODS = ("get", "post", "put", "patch", "delete")


def page() -> str:
    source = json.loads(SOURCE)
    return "\n".join(_Page(source).lines()).rstrip() + "\n"


class _Page:
    def __init__(self, source: dict[str, Any]) -> None:
        self.source = source

    def lines(self) -> Iterator[str]:
        yield _INTRODUCTION.format(
            description=self.source["info"]["description"],
            version=self.source["openapi"],
            path="/api/v1/openapi.json",
        )
        for tag in self.source["tags"]:
            yield from (f"## {tag['name'].capitalize()}", "", tag["description"], "")
            for path, item in self.source["paths"].items():
                for method in _METHODS:
                    if tag["name"] in item.get(method, {}).get("tags", ()):
                        yield from self.operation(path, method, item)
        yield from ("## What every operation can answer besides", "")
        sample = self.source["paths"]["/api/v1/me"]["get"]["responses"]
        rows = [self.response(status, sample[status]) for status in _EVERYWHERE]
        yield from (*table(["status", "answer", "body", "headers"], rows), "")
        yield from ("At the authorization endpoint these are pages.", "")
        yield from ("## How to authenticate", "")
        rows = [
            [f"`{name}`", scheme["type"], scheme["description"]]
            for name, scheme in self.source["components"]["securitySchemes"].items()
        ]
        yield from table(["scheme", "type", ""], rows)
        yield from ("", "## Shapes", "")
        for name, schema in self.source["components"]["schemas"].items():
            yield from (f"### {name}", "")
            yield from self.schema(schema)

    def operation(self, path: str, method: str, item: dict[str, Any]) -> Iterator[str]:
        operation = item[method]
        yield from (f"### {operation['summary']}", "", f"`{method.upper()} {path}`", "")
        if "description" in operation:
            yield from (operation["description"], "")
        yield from (f"Authentication: {self.security(operation['security'])}.", "")
        parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
        if parameters:
            rows = [
                [
                    f"`{found['name']}`",
                    found["in"] + (", required" if found.get("required") else ""),
                    self.short(found["schema"]),
                    found.get("description", ""),
                ]
                for found in parameters
            ]
            yield from (*table(["parameter", "in", "value", ""], rows), "")
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield from (f"Body, `{media_type}`:", "")
            yield from self.schema(content["schema"])
        rows = [
            self.response(status, found)
            for status, found in operation["responses"].items()
            if status not in _EVERYWHERE
        ]
        yield from (*table(["status", "answer", "body", "headers"], rows), "")

    def security(self, requirements: list[dict[str, list[str]]]) -> str:
        if not requirements:
            return "none"
        ways = []
        for requirement in requirements:
            named = [
                f"`{name}`" + (f" with the scope `{' '.join(needed)}`" if needed else "")
                for name, needed in requirement.items()
            ]
            ways.append(" and ".join(named))
        *stated, last = [way for way in ways if way] or [""]
        optional = ", or without it" if "" in ways else ""
        return (", ".join(stated) + (" or " if stated else "") + last) + optional

    def response(self, status: str, response: dict[str, Any]) -> list[str]:
        found = self.resolved(response)
        bodies = [f"`{kind}`: {self.short(content['schema'])}" for kind, content in found.get("content", {}).items()]
        headers = [f"`{name}`" for name in found.get("headers", {})]
        return [status, found["description"], "<br>".join(bodies), ", ".join(headers)]

    def schema(self, schema: dict[str, Any]) -> Iterator[str]:
        """A table of an object's members, or a line for anything else."""
        if "properties" not in schema:
            yield from (f"{self.short(schema)}. {schema.get('description', '')}".rstrip(), "")
            return
        rows = [
            [
                f"`{name}`",
                "required" if name in schema.get("required", ()) else "",
                self.short(found),
                found.get("description", ""),
            ]
            for name, found in schema["properties"].items()
        ]
        yield from (*table(["member", "", "value", ""], rows), "")

    def short(self, schema: dict[str, Any]) -> str:
        """What a value may be, in a line."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        if "oneOf" in schema:
            return " or ".join(self.short(found) for found in schema["oneOf"])
        if "allOf" in schema:
            return " and ".join(self.short(found) for found in schema["allOf"])
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return ", ".join(f"`{value}`" for value in schema["enum"])
        if schema.get("type") == "array":
            return f"list of {self.short(schema['items'])}"
        if "properties" in schema:
            return ", ".join(f"`{name}`: {self.short(found)}" for name, found in schema["properties"].items())
        kind = schema["type"] if isinstance(schema["type"], str) else " or ".join(schema["type"])
        return " ".join([kind, *self.limits(schema)])

    def limits(self, schema: dict[str, Any]) -> Iterator[str]:
        if "format" in schema:
            yield f"({schema['format']})"
        if "pattern" in schema:
            yield f"`{schema['pattern']}`"
        if "minimum" in schema:
            yield f"from {schema['minimum']}"
        if "maximum" in schema:
            yield f"to {schema['maximum']}"
        if "maxLength" in schema:
            yield f"of at most {schema['maxLength']} characters"
        if "default" in schema:
            yield f"(default {schema['default']})"

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        found: Any = self.source
        for part in urlsplit(node["$ref"]).fragment.strip("/").split("/"):
            found = found[part]
        assert isinstance(found, dict)
        return found
