"""What every request passes: whose token, how many a minute, which right, a body of reasonable size, its key."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import asyncpg
import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from bot.database import is_away
from bot.runtime import Runtime
from bot.web.api.answers import BatchAnswer
from bot.web.api.batches import faults_of
from bot.web.api.declared import Batch, Operation
from bot.web.api.limiting import wait_for
from bot.web.api.problems import Refused
from bot.web.desk import came_from
from bot.web.numbers import whole_number
from campaigns import api_answers, api_tokens, audit
from campaigns.api_answers import Stored
from campaigns.api_tokens import Token
from campaigns.audit import Action

log = logging.getLogger(__name__)

LARGEST_BODY = 4_000_000
_TRIES = 3  # where others write the same numbers at the same moment
_COLLIDED = (IntegrityError, asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)


def entrance(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of an operation."""

    async def enter(request: Request) -> Response:
        try:
            token = await _token_of(request, operation)
            return await (_write if operation.store else _read)(request, operation, token)
        except Refused as refused:
            return refused.answer()
        except ClientDisconnect:
            raise
        except Exception as exc:
            if is_away(exc):
                log.error("not taken, the database is away (%s)", type(exc).__name__)
                return Refused("away", headers={"Retry-After": "10"}).answer()
            log.exception("a request of %s failed", operation.name)
            return Refused("broken").answer()

    return enter


async def _token_of(request: Request, operation: Operation) -> Token:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    token = await api_tokens.find(secret.strip(), datetime.now(UTC)) if scheme.lower() == "bearer" else None
    if token is None:
        raise Refused("no-token", headers={"WWW-Authenticate": 'Bearer realm="huifang"'})
    if wait := await wait_for(_runtime(request), token.id, token.per_minute):
        raise Refused("too-many", f"{token.per_minute} a minute", headers={"Retry-After": str(wait)})
    if not token.may(operation.right):
        raise Refused("no-right", f"needs: {operation.right}")
    return token


# ---- reading --------------------------------------------------------------------------------------------------------


async def _read(request: Request, operation: Operation, token: Token) -> Response:
    assert operation.read is not None
    assert operation.query is not None
    try:
        asked = operation.query.model_validate(dict(request.query_params))
    except ValidationError as exc:
        raise Refused("not-valid", faults=faults_of(exc, "")) from None
    found = await operation.read(_runtime(request), token, asked)
    rows = next(len(value) for value in dict(found).values() if isinstance(value, list))
    if rows:
        await _log(request, token, Action.API_READ, kind=operation.path[1:], rows=rows)
    return _json(found.model_dump_json())


# ---- writing --------------------------------------------------------------------------------------------------------


async def _write(request: Request, operation: Operation, token: Token) -> Response:
    body = await _body(request)
    rows = _rows(body)
    key = request.headers.get("idempotency-key")
    if key is None:
        return _json(await _store(request, operation, token, rows, None, datetime.now(UTC)))
    if not api_answers.is_key(key):
        raise Refused("bad-key")
    begun = datetime.now(UTC)
    if known := await _begin(token, key, api_answers.digest_of(operation.path, body), begun):
        return _json(known.body, known.status, **{"Idempotency-Replayed": "true"})
    try:
        return _json(await _store(request, operation, token, rows, key, begun))
    except BaseException:
        await api_answers.give_up(token.id, key, begun)
        raise


async def _begin(token: Token, key: str, digest: str, begun: datetime) -> Stored | None:
    try:
        return await api_answers.begin(token.id, key, digest, begun)
    except api_answers.KeyInUse:
        raise Refused("in-progress", headers={"Retry-After": "1"}) from None
    except api_answers.OtherRequest:
        raise Refused("key-reused") from None


async def _store(
    request: Request, operation: Operation, token: Token, rows: Sequence[object], key: str | None, begun: datetime
) -> str:
    """Rows, audit entry and the answer kept for the key: all in one transaction, or nothing."""
    for _ in range(_TRIES):
        try:
            async with in_transaction():
                return await _stored(request, operation, token, rows, key, begun)
        except api_answers.KeyInUse:
            raise Refused("in-progress", headers={"Retry-After": "1"}) from None
        except _COLLIDED as exc:
            log.info("%s: written by another at the same moment (%s)", operation.name, type(exc).__name__)
    raise Refused("collision", headers={"Retry-After": "1"})


async def _stored(
    request: Request, operation: Operation, token: Token, rows: Sequence[object], key: str | None, begun: datetime
) -> str:
    assert operation.store is not None
    answer: BatchAnswer = await operation.store(rows, _runtime(request).clock())
    text = answer.model_dump_json()
    if answer.added or answer.updated:
        told = {name: getattr(answer, name) for name in ("added", "updated", "rejected")}
        await _log(request, token, Action.API_WRITTEN, kind=operation.path[1:], **told)
    if key is not None:
        await api_answers.finish(token.id, key, begun, 200, text)
    return text


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused("wrong-type")
    length = request.headers.get("content-length", "0")
    body = bytearray()
    if whole_number(length, LARGEST_BODY) is None:
        raise Refused("too-large", f"at most {LARGEST_BODY} bytes")
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused("too-large", f"at most {LARGEST_BODY} bytes")
    return bytes(body)


def _rows(body: bytes) -> Sequence[object]:
    try:
        return Batch.model_validate(orjson.loads(body)).rows
    except ValidationError as exc:
        raise Refused("not-valid", faults=faults_of(exc, "")) from None
    except ValueError:
        raise Refused("not-json") from None


async def _log(request: Request, token: Token, action: Action, **detail: object) -> None:
    await audit.record_audit(
        action,
        at=datetime.now(UTC),
        who=token.name,
        subject=f"token/{token.name}",
        detail=detail,
        came_from=came_from(request),
    )


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def _json(text: str | BaseModel, status: int = 200, **headers: str) -> Response:
    return Response(str(text), status_code=status, media_type="application/json", headers=headers)
