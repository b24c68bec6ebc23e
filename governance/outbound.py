"""Send a request to an address that somebody typed in, without being led to where it must not go.

The name is resolved once; every address that it has must be a public one, and the connection goes
to the address that was checked, so a name that changes its mind afterwards changes nothing.
Private, loopback, link-local (where clouds keep their metadata), multicast and reserved addresses
are refused, unless the administrator of the machine names the host in COUNTERSIGN_INTERNAL_HOSTS;
link-local ones even then. Redirects are not followed. Of the answer only the status is read, and
all of it takes SECONDS at most, however slowly the other side speaks.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

SECONDS = 10.0
LARGEST = 64 * 1024  # bytes of a body
PORTS = {"https": 443, "http": 80}
NAT64 = ipaddress.ip_network("64:ff9b::/32")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unsent(Exception):
    """It was not delivered: the kind of error, and whether another attempt is pointless."""

    def __init__(self, error: str, status: int | None = None, *, final: bool = False) -> None:
        super().__init__(error)
        self.error, self.status, self.final = error, status, final


@dataclass(frozen=True)
class Target:
    """The parts of an address. `trusted`: the administrator names the host."""

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool

    @classmethod
    def of(cls, url: str) -> "Target":
        """Raises `Unsent` (`address`) for anything but https, or http to a trusted host."""
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            raise Unsent("address", final=True) from None
        host = (parts.hostname or "").lower()
        trusted = bool({host, f"{host}:{port}"} & set(settings.COUNTERSIGN_INTERNAL_HOSTS))
        plain = parts.scheme == "http" and trusted
        if not host or parts.username or not (parts.scheme == "https" or plain):
            raise Unsent("address", final=True)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port, path, trusted)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer, if it is one of success. Raises `Unsent`."""
    if len(body) > LARGEST:
        raise Unsent("too_large", final=True)
    target = Target.of(url)
    connection = _connect(target, resolve(target))
    late = threading.Event()
    clock = threading.Timer(SECONDS, _hang_up, [connection, late])
    clock.start()
    try:
        connection.request("POST", target.path, body, dict(headers))
        status = connection.getresponse().status
        if late.is_set():  # what was read by then looks like an answer
            raise TimeoutError
    except TimeoutError:
        raise Unsent("timeout") from None
    except ssl.SSLError:
        raise Unsent("tls") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise Unsent("timeout" if late.is_set() else "connection") from None
    finally:
        clock.cancel()
        connection.close()
    if 300 <= status < 400:
        raise Unsent("redirect", status, final=True)
    if not 200 <= status < 300:
        raise Unsent("status", status, final=status == http.client.GONE)
    return status


def resolve(target: Target) -> str:
    """The address to connect to. Raises `Unsent` (`unknown_host`, `inward`)."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unsent("unknown_host") from None
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(_may_go_to(address, target.trusted) for address in addresses):
        raise Unsent("inward", final=True)
    return addresses[0]


def _may_go_to(text: str, trusted: bool) -> bool:
    """
    >>> [_may_go_to(a, False) for a in ("192.0.43.7", "10.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False]
    >>> [_may_go_to(a, False) for a in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::")]
    [False, False, False]
    >>> [_may_go_to(a, True) for a in ("10.0.0.1", "169.254.169.254", "fe80::1")]
    [True, False, False]
    """
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
        if address in NAT64:
            return False
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return trusted or address.is_global


class _Plain(http.client.HTTPConnection):
    """A connection to the address that was checked, under the name that was asked for."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), SECONDS)


class _Secure(http.client.HTTPSConnection):
    """The same with TLS, whose certificate must be of that name."""

    address = ""

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), SECONDS)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def _connect(target: Target, address: str) -> _Plain | _Secure:
    kind = _Secure if target.scheme == "https" else _Plain
    connection = kind(target.host, target.port, timeout=SECONDS)
    connection.address = address
    return connection


def _hang_up(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """Time is over: whoever waits for an answer wakes up with an error."""
    late.set()
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it had ended by itself
