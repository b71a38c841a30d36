"""`make docs`: write the generated pages."""

from __future__ import annotations

from infra.documents import DOCS, http_api, standards

for name, text in {"http-api.md": http_api.page(), "standards.md": standards.page()}.items():
    (DOCS / name).write_text(text, encoding="utf-8")
    print(f"Wrote docs/{name}")
