"""Sentences for people: created in English where a problem is found, translated where they are shown.

A Message is a string, so JSON, logs and the operator's terminal use it as it is. Pages translate its template and
values. `make messages` collects the English from every call of Message; see infra/documents/messages.py.
"""

from __future__ import annotations


class Message(str):
    """An English sentence, or the part of one that follows what was typed.

    template: with placeholders such as %(limit)s. values: for the placeholders; Messages among them are translated too.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Message:
        made = super().__new__(cls, template % values if values else template)
        made.template, made.values = template, values
        return made


class Problem(ValueError):
    """Why something cannot be accepted. message: reads on its own, or after what was typed or the field's label."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
