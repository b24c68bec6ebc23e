"""Read what is sent. Sizes are limited before, and while, it is decompressed."""

import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import zstandard
from django.http import HttpRequest

from countersign.statement import Refused

JSON = "application/json"
SMALL = 16 * 1024
LARGEST_ZSTD_WINDOW = 8 * 1024 * 1024  # what zstd needs at its ordinary levels

T = TypeVar("T")


def content_type(request: HttpRequest) -> str:
    """The media type, without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def read_json(request: HttpRequest, kind: type[T]) -> T:
    """A small JSON object, parsed strictly into a msgspec struct. Raises `Refused`."""
    if content_type(request) != JSON:
        raise Refused("upload.content_type", f"This address takes {JSON}.")
    try:
        return msgspec.json.decode(read_body(request, SMALL), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(
            "request.malformed", "The body is a JSON object of exactly the documented fields."
        ) from None


def described_json(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """What OpenAPI says of a body that `read_json` takes."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The body without its content encoding; at most `limit` bytes, sent and decoded alike.

    Raises `Refused` (`upload.length`, `upload.too_large`, `upload.encoding`).
    """
    length = request.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdecimal()):
        raise Refused("upload.length", "The length of the body is told before the body.")
    if len(length) > 9 or int(length) > limit:
        raise Refused("upload.too_large", f"This address takes at most {limit} bytes.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in DECODERS:
        raise Refused("upload.encoding", "The content encoding is identity, gzip or zstd.")
    # One byte more than allowed is asked for, so a bomb is never unpacked any further.
    body = DECODERS[encoding](request.body, limit + 1)
    if len(body) > limit:
        raise Refused("upload.too_large", f"This address takes at most {limit} decoded bytes.")
    return body


def _as_it_is(body: bytes, most: int) -> bytes:
    return body


def _gunzip(body: bytes, most: int) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        decoded = decoder.decompress(body, most)
    except zlib.error:
        raise _undecodable("gzip") from None
    if len(decoded) < most and (not decoder.eof or decoder.unused_data):
        raise _undecodable("gzip")
    return decoded


def _unzstd(body: bytes, most: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=LARGEST_ZSTD_WINDOW)
    try:
        with decoder.stream_reader(body) as reader:
            return reader.read(most)
    except zstandard.ZstdError:
        raise _undecodable("zstd") from None


def _undecodable(encoding: str) -> Refused:
    return Refused("upload.encoding", f"The body is not one complete {encoding} stream.")


DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "identity": _as_it_is,
    "gzip": _gunzip,
    "zstd": _unzstd,
}
