"""The addresses under /api/v1: each operation, the description of all, and a problem for everything else."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from bot.language import speak, wanted_language
from bot.web.api.declared import OPERATIONS
from bot.web.api.door import entrance
from bot.web.api.openapi import PATH, document
from bot.web.api.problems import PROBLEMS, Refused
from bot.web.pages import page


async def openapi(request: Request) -> Response:
    return Response(orjson.dumps(document()), media_type="application/json")


async def docs(request: Request) -> Response:
    """For people: the same, as a page without any script."""
    speak(wanted_language(request.headers.get("accept-language", "")))
    return page(request, "api.html", document=document(), problems=PROBLEMS)


async def nowhere(request: Request) -> Response:
    known = sorted({one.method for one in OPERATIONS if f"{PATH}{one.path}" == request.url.path})
    if known:
        return Refused("wrong-method", headers={"Allow": ", ".join(known)}).answer()
    return Refused("no-such-path").answer()


_ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

routes: list[BaseRoute] = [
    Mount(
        PATH,
        routes=[
            Route("/openapi.json", openapi),
            Route("/docs", docs),
            *(Route(one.path, entrance(one), methods=[one.method], name=one.name) for one in OPERATIONS),
            Route("/{rest:path}", nowhere, methods=_ANY),
        ],
    )
]
