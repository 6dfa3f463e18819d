"""OpenAPI 3.1 of the operations, made from what validates them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.web.api.answers import Problem
from bot.web.api.declared import OPERATIONS, Operation
from bot.web.api.problems import PROBLEMS

PATH = "/api/v1"
_REF = "#/components/schemas/{model}"
_SCOPES = {"see": "read", "import": "write", "events": "events"}
_ABOUT = """Send members, contacts, postings, applications, logins and events in batches of up to 1,000 rows; read
members and touches in pages. Every row is judged by itself and has a result of its own, in the order of the request;
the rows that pass are stored together, in one transaction, or none of them. An `Idempotency-Key` makes a request safe
to repeat for 24 hours. What a row does not name stays as it is, and `null` empties a field."""
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body within 24 hours give the stored answer, with `Idempotency-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}


@cache
def document() -> Mapping[str, Any]:
    models: set[type[BaseModel]] = {one.answer for one in OPERATIONS} | {one.body for one in OPERATIONS if one.body}
    named: list[type[BaseModel]] = sorted([*models, Problem], key=lambda model: model.__name__)
    refs, schemas = models_json_schema(
        [(model, "serialization" if _is_answer(model) else "validation") for model in named], ref_template=_REF
    )
    schema_of = {model.__name__: ref for (model, _), ref in refs.items()}
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Huifang 回访", "version": "1", "description": _ABOUT},
        "servers": [{"url": PATH}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made under 设置 · 接口令牌 (/settings/tokens).",
                }
            },
            "schemas": schemas["$defs"],
            "responses": {name: _problem(name, schema_of["Problem"]) for name in PROBLEMS},
        },
    }


def _is_answer(model: type[Any]) -> bool:
    return any(model in (one.answer, Problem) for one in OPERATIONS)


def _operation(one: Operation, schema_of: Mapping[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema_of[one.answer.__name__]}}
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "description": f"Needs a token with the scope `{_SCOPES[one.right]}`.",
        "responses": {"200": {"description": "Done.", "content": content}, **_refusals(one)},
    }
    if one.body:
        made["parameters"] = [_KEY]
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[one.body.__name__]}},
        }
    if one.query:
        made["parameters"] = _parameters(one)
    return made


def _parameters(one: Operation) -> list[dict[str, Any]]:
    assert one.query is not None
    schema = one.query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": declared.get("description", ""),
            "schema": {key: value for key, value in declared.items() if key not in ("description", "title")},
        }
        for name, declared in schema["properties"].items()
    ]


def _refusals(one: Operation) -> dict[str, dict[str, str]]:
    """One for each status: of those that share one the first stands for all."""
    only_writing = {"not-json", "bad-key", "in-progress", "collision", "too-large", "wrong-type", "key-reused"}
    found: dict[str, dict[str, str]] = {}
    for name, (status, _) in PROBLEMS.items():
        if name in ("no-such-path", "wrong-method") or (one.body is None and name in only_writing):
            continue
        found.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    return found


def _problem(name: str, schema: Any) -> dict[str, Any]:
    status, words = PROBLEMS[name]
    made: dict[str, Any] = {"description": words, "content": {"application/problem+json": {"schema": schema}}}
    if status in (409, 429, 503):
        made["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return made
