"""Why a request is refused, as application/problem+json (RFC 9457), in Chinese and English."""

from collections.abc import Mapping

from starlette.responses import Response

from bot.web.api.answers import Fault, Problem

# name → status, words
PROBLEMS: Mapping[str, tuple[int, str]] = {
    "not-json": (400, "正文不是JSON (the body is no JSON)"),
    "bad-key": (400, "Idempotency-Key要是1到128个可见的ASCII字符 (1 to 128 visible ASCII characters)"),
    "no-token": (401, "没有令牌，或者令牌不对、已作废 (no token, or none that is good)"),
    "no-right": (403, "这个令牌没有这项权限 (this token may not do that)"),
    "no-such-path": (404, "没有这个地址，看/api/v1/docs (no such address)"),
    "wrong-method": (405, "这个地址不接受这种请求 (this address takes no such request)"),
    "in-progress": (409, "同一个键的请求还在处理，过一会儿再问 (a request under this key is being worked at)"),
    "collision": (409, "同时有人在写同样的编号，过一会儿再来 (somebody wrote the same numbers at this moment)"),
    "too-large": (413, "正文太大，分几批传 (the body is too large: send several batches)"),
    "wrong-type": (415, "Content-Type要是application/json (must be application/json)"),
    "not-valid": (422, "请求写得不对 (the request is not as declared)"),
    "key-reused": (422, "这个键上一次的请求不一样，换一个键 (this key was another request's)"),
    "too-many": (429, "这一分钟的请求太多，过一会儿再来 (too many requests in this minute)"),
    "broken": (500, "这里出错了，什么也没有存 (a fault of ours; nothing was stored)"),
    "away": (503, "数据库暂时不可用，过一会儿再来 (the database is away)"),
}


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        name: str,
        detail: str = "",
        *,
        faults: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.name, self.detail, self.faults, self.headers = name, detail, faults or [], dict(headers or {})

    def answer(self) -> Response:
        status, title = PROBLEMS[self.name]
        problem = Problem(
            type=f"urn:huifang:problem:{self.name}", title=title, status=status, detail=self.detail, faults=self.faults
        )
        return Response(
            problem.model_dump_json(exclude_defaults=True),
            status_code=status,
            media_type="application/problem+json",
            headers=self.headers,
        )
