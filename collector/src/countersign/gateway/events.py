"""Inference-log events of KServe and Seldon: CloudEvents whose rows are counted at once.

An event comes in binary mode (attributes as `ce-` headers, the body as it was logged) or structured
(`application/cloudevents+json`). Two belong to an inference, with types that end in
`inference.request` and `inference.response`; they are joined by `requestid`, as Seldon sends it, or
by `id`, which KServe's have in common. A body is one of

    {"instances": [...]}  {"predictions": [...]}      V1: rows, as objects, lists or single values
    {"inputs": [...]}     {"outputs": [...]}          V2, the Open Inference Protocol: tensors
    {"data": {"names": [...], "ndarray": [...]}}      Seldon; or a "tensor" of shape and values

The half that comes first waits in memory, never on disk, and is forgotten if the other one doesn't
come. Nothing here logs or repeats what an event holds.
"""

import base64
import binascii
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec

from ..statement import Refused

STRUCTURED = "application/cloudevents+json"
REQUEST, RESPONSE = "inference.request", "inference.response"
MOST_WAITING = 10_000
MOST_BYTES = 64 * 1024 * 1024  # of the bodies that wait
MOST_JOINED = 100_000  # ids that are remembered, so that an event sent twice counts once
PATIENCE = 600.0
LONGEST_ID = 200

Columns = dict[str, list[Any]]
Named = list[tuple[str, list[Any]]]  # columns in order; "" where the event doesn't name one


@dataclass(frozen=True)
class Event:
    """One half of an inference. `at` is in seconds since 1970."""

    id: str
    kind: str
    at: float
    data: Any
    size: int


def read_event(headers: Mapping[str, str], body: bytes) -> Event:
    """An event of either mode. Raises `Refused` (`gateway.event`, `.event_type`, `.malformed`)."""
    value, told = _json(body), {name.lower(): text for name, text in headers.items()}
    if told.get("content-type", "").partition(";")[0].strip().lower() == STRUCTURED:
        attributes, data = _structured(value)
    else:
        attributes = {name[3:]: text for name, text in told.items() if name.startswith("ce-")}
        data = value
    identity = attributes.get("requestid") or attributes.get("id")
    if not isinstance(identity, str) or not 0 < len(identity) <= LONGEST_ID:
        raise Refused("gateway.event", f"An event has an id of at most {LONGEST_ID} characters.")
    kind = str(attributes.get("type", ""))
    if not kind.endswith((REQUEST, RESPONSE)):
        raise Refused("gateway.event_type", "Events are inference requests and responses.")
    return Event(
        identity, kind.rsplit(".", maxsplit=1)[-1], _moment(attributes.get("time")), data, len(body)
    )


class Joiner:
    """Requests and responses that wait for each other, in bounded memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, tuple[float, Event]] = OrderedDict()
        self._bytes = 0
        self._joined: OrderedDict[str, None] = OrderedDict()
        self.forgotten = 0

    def join(self, event: Event) -> tuple[Event, Event] | None:
        """Request and response; None if this is the first half, or one that was seen before."""
        with self._lock:
            self._forget()
            if event.id in self._joined:
                return None
            waiting = self._waiting.get(event.id)
            if waiting is None or waiting[1].kind == event.kind:
                if waiting is None:
                    self._waiting[event.id] = time.monotonic(), event
                    self._bytes += event.size
                return None
            other = self._drop(event.id)
            self._joined[event.id] = None
            if len(self._joined) > MOST_JOINED:
                self._joined.popitem(last=False)
        return (other, event) if event.kind == "response" else (event, other)

    def give_back(self, pair: tuple[Event, Event]) -> None:
        """The pair wasn't counted after all: the response may come again."""
        request, _ = pair
        with self._lock:
            self._joined.pop(request.id, None)
            self._waiting[request.id] = time.monotonic(), request
            self._bytes += request.size

    @property
    def waiting(self) -> int:
        """How many halves wait."""
        return len(self._waiting)

    def _forget(self) -> None:
        """Drop what is too old, or too much."""
        while self._waiting:
            identity, (since, _) = next(iter(self._waiting.items()))
            full = len(self._waiting) >= MOST_WAITING or self._bytes > MOST_BYTES
            if not full and time.monotonic() - since < PATIENCE:
                return
            self._drop(identity)
            self.forgotten += 1

    def _drop(self, identity: str) -> Event:
        _, event = self._waiting.pop(identity)
        self._bytes -= event.size
        return event


def rows_of(
    request: Any, response: Any, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Columns:
    """The columns of an inference's rows. Raises `Refused`.

    `inputs` and `outputs` name, in their order, the values that the event doesn't name.
    """
    columns = _with_names(_columns(request, "instances", "inputs"), inputs)
    columns |= _with_names(_columns(response, "predictions", "outputs"), outputs)
    if len({len(values) for values in columns.values()}) != 1:
        raise Refused("gateway.rows", "Request and response have the same number of rows.")
    return columns


def _structured(value: Any) -> tuple[dict[str, Any], Any]:
    if not isinstance(value, dict):
        raise Refused("gateway.event", "A structured event is a JSON object.")
    if "data_base64" not in value:
        return value, value.get("data")
    try:
        return value, _json(base64.b64decode(value["data_base64"], validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise Refused("gateway.event", "data_base64 isn't the base64 of JSON.") from None


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused("gateway.malformed", "An event's body is JSON.") from None


def _moment(text: Any) -> float:
    """When it happened; now, if it doesn't say."""
    if text is None:
        return time.time()
    try:
        when = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise Refused("gateway.event", "An event's time is as in RFC 3339.") from None
    if when.tzinfo is None:
        raise Refused("gateway.event", "An event's time has a zone.")
    return when.timestamp()


def _columns(body: Any, rows: str, tensors: str) -> Named:
    if isinstance(body, dict):
        if isinstance(body.get(rows), list):
            return _from_rows(body[rows])
        if isinstance(body.get(tensors), list):
            return list(chain.from_iterable(map(_from_tensor, body[tensors])))
        if isinstance(body.get("data"), dict):
            return _from_seldon(body["data"])
    raise Refused("gateway.tensor", f"An event holds {rows}, {tensors}, or Seldon's data.")


def _from_rows(rows: list[Any], names: Sequence[str] = ()) -> Named:
    if rows and all(isinstance(row, dict) for row in rows):
        known = dict.fromkeys(chain.from_iterable(rows))
        return [(name, [row.get(name) for row in rows]) for name in known]
    lines = [row if isinstance(row, list) else [row] for row in rows]
    widths = {len(line) for line in lines}
    if len(widths) != 1:
        raise Refused("gateway.rows", "Rows are objects, or lists of one length.")
    [width] = widths
    names = names if len(names) == width else [""] * width
    return [(names[i], [line[i] for line in lines]) for i in range(width)]


def _from_tensor(tensor: Any) -> Named:
    """One column of a tensor of n or (n, 1) values; several of one of (n, k)."""
    try:
        told = msgspec.convert(tensor, Tensor)
    except msgspec.ValidationError:
        raise Refused(
            "gateway.tensor", "A tensor has name, shape, datatype and data; none is binary."
        ) from None
    columns = _shaped(told.shape, told.data)
    return columns if len(columns) > 1 else [(told.name, columns[0][1])]


class Tensor(msgspec.Struct, frozen=True):
    """A tensor of the Open Inference Protocol; other fields don't matter here."""

    name: str
    shape: list[int]
    data: list[Any]


def _from_seldon(data: dict[str, Any]) -> Named:
    names = data.get("names") or []
    if isinstance(data.get("ndarray"), list) and isinstance(names, list):
        return _from_rows(data["ndarray"], [str(name) for name in names])
    tensor = data.get("tensor")
    if isinstance(tensor, dict):
        shape, values = tensor.get("shape"), tensor.get("values")
        listed = isinstance(names, list)
        if isinstance(shape, list) and isinstance(values, list) and listed:
            columns = _shaped(shape, values)
            named = names if len(names) == len(columns) else [""] * len(columns)
            return [(str(n), values) for n, (_, values) in zip(named, columns, strict=True)]
    raise Refused("gateway.tensor", "Seldon's data are an ndarray, or a tensor with its shape.")


def _shaped(shape: list[Any], data: list[Any]) -> Named:
    """The columns of a tensor whose data are flat, row by row, or nested."""
    while data and isinstance(data[0], list):
        data = list(
            chain.from_iterable(line if isinstance(line, list) else [line] for line in data)
        )
    width = shape[1] if len(shape) == 2 else 1
    if not 1 <= len(shape) <= 2 or not all(type(n) is int and n > 0 for n in shape):
        raise Refused("gateway.tensor", "A tensor has n values, or n rows of k.")
    if len(data) != shape[0] * width:
        raise Refused("gateway.tensor", "A tensor's data have its shape.")
    return [("", data[i::width]) for i in range(width)]


def _with_names(columns: Named, names: Sequence[str]) -> Columns:
    own = [name for name, _ in columns]
    if len(names) == len(own):
        own = list(names)
    if not all(own) or len(set(own)) != len(own):
        raise Refused("gateway.names", "Name all values, in their order, in the gateway's file.")
    return dict(zip(own, (values for _, values in columns), strict=True))
