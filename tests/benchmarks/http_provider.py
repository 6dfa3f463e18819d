"""A provider that takes everything at once, as a process beside us: the least an HTTP server can do."""

import asyncio

import uvloop

_TOKEN = b'{"access_token":"' + b"t" * 136 + b'","expires_in":7200}'
_WECHAT = b'{"errcode":0,"errmsg":"ok","msgid":200228332}'
_SMS = b'{"RequestId":"873043ac-bcda-44db-9052-2e204c6ed20f","Message":"OK","BizId":"900619746936498440^0","Code":"OK"}'
_ANSWERS = {b"/cgi-bin/stable_token": _TOKEN, b"/cgi-bin/message/template/send": _WECHAT, b"/": _SMS}


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what uvloop gives
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            size = end + 4 + _length(head)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            body = _ANSWERS[head.split(b" ", 2)[1].partition(b"?")[0]]
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
