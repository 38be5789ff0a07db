"""JSON Schemas from users: checked when they are saved, asked on the hot path, explained when they refuse.

    check_schema     at save: refuses what is no schema, what could be slow, and what points elsewhere
    CompiledSchema   the verdict (jsonschema-rs, about a microsecond) and its reasons (jsonschema)

`document` knows where schemas stand inside a schema and what `$ref` means, `admission` refuses, `work` bounds
what one value can cost by walking `routes`, `verdict` decides, `refusal` explains within a budget: with
`linked` schemas, `keywords` of its own, `linear` answers about patterns and formats, and `excerpt` and
`wording` for what it says.

Three drafts are taken (2020-12, 2019-09, draft-07). Formats are asserted in all of them, unknown formats and
unknown keywords are ignored, and nothing is ever fetched: `$ref` reaches into the same document and into the
schemas that ship with Tocsin.
"""

from __future__ import annotations

from gateway.spi.json_schema.admission import MAX_DEPTH, MAX_SCHEMA_BYTES, check_schema
from gateway.spi.json_schema.verdict import CompiledSchema

__all__ = ["MAX_DEPTH", "MAX_SCHEMA_BYTES", "CompiledSchema", "check_schema"]
