"""Pictures small enough to keep beside the code: PNG with 256 colours, chosen by how much of the page they cover."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page

_COLOURS = 256
_PIXELS = """async (picture) => {
  const bits = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const canvas = new OffscreenCanvas(bits.width, bits.height), pen = canvas.getContext("2d");
  pen.drawImage(bits, 0, 0);
  const bytes = pen.getImageData(0, 0, bits.width, bits.height).data;
  const reader = new FileReader();
  const read = new Promise((done) => { reader.onload = () => done(reader.result.split(",")[1]); });
  reader.readAsDataURL(new Blob([bytes]));
  return [bits.width, bits.height, await read];
}"""


async def take_picture(page: Page, workshop: Page, *, whole: bool = False) -> bytes:
    """What the page shows now, or the `whole` of it; `workshop` is an empty page that reads the picture's pixels."""
    if whole:  # bars that are fixed to the window stand at its ends
        tall = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": await page.evaluate("innerWidth"), "height": tall})
    taken = await page.screenshot(animations="disabled", caret="hide")
    width, height, pixels = await workshop.evaluate(_PIXELS, base64.b64encode(taken).decode())
    read = np.frombuffer(base64.b64decode(pixels), dtype=np.uint8).reshape(height, width, 4)[:, :, :3]
    return as_png(read)


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """`pixels`: height × width × 3."""
    height, width, _ = pixels.shape
    palette, indexes = _palette(pixels.reshape(-1, 3))
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # the first byte of a row names its filter, none
    rows[:, 1:] = indexes.reshape(height, width)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0),
        b"PLTE": palette.astype(np.uint8).tobytes(),
        b"IDAT": zlib.compress(rows.tobytes(), 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks.items())


def _palette(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The colours that cover most, each at least a little apart from the others, and for each pixel the nearest."""
    packed = pixels.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    colours, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    wide = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=1).astype(np.int32)
    _, first = np.unique(wide[by := np.argsort(-counts)] >> 3, axis=0, return_index=True)
    spread = by[np.sort(first)][: _COLOURS // 2]  # half for what there is of everything, half for what there is most of
    chosen = np.concatenate([spread, by[~np.isin(by, spread)]])[:_COLOURS]
    kept = wide[chosen]
    nearest = np.empty(len(wide), dtype=np.uint8)
    for begin in range(0, len(wide), 4096):
        apart = wide[begin : begin + 4096, None, :] - kept[None, :, :]
        nearest[begin : begin + 4096] = (apart * apart).sum(axis=2).argmin(axis=1)
    return kept.astype(np.uint8), nearest[inverse.reshape(-1)]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
