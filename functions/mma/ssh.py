"""A login at an SSH server: the host checked, its key known before a credential is sent (card mma.md, scp).

paramiko is imported here alone, and this module only where a plan goes by SSH.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import paramiko

from mma.models import MmaAltdata
from slew import guard
from slew.errors import Failed, Invalid, NotSent, Rejected
from slew.facility import Link
from slew.log import logger
from slew.pages import for_people

CONNECT_TIMEOUT_S = 10.0
STEP_TIMEOUT_S = 15.0
LIMIT_S = 60.0
"""A connection is closed after this long, whatever the server is at."""
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_HOST_KEY = "ssh host key of {host}:{port}"

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what it raises is told; its tracebacks are not


class Lost(Exception):
    """The connection broke."""


@contextmanager
def connection(altdata: MmaAltdata, link: Link) -> Iterator[paramiko.Transport]:
    """A logged-in connection, closed at the end.

    Raises NotSent (not reached, or lost before the login), Rejected (host key, login), Failed (a host that a
    user may not name).
    """
    transport = _trusted(altdata, link)
    watchdog = threading.Timer(LIMIT_S, transport.close)
    watchdog.daemon = True
    watchdog.start()
    try:
        _log_in(transport, altdata)
        yield transport
    finally:
        watchdog.cancel()
        transport.close()


def check_private_key(altdata: MmaAltdata) -> None:
    """Raise Invalid where the private key cannot be read."""
    if altdata.private_key is not None:
        try:
            _private_key(altdata)
        except Rejected as error:
            raise Invalid.field(["altdata", "private_key"], error.reason) from None


def fingerprint(key: str) -> str:
    """`SHA256:...` of a public key, `ssh-ed25519 AAAA...`."""
    digest = sha256(b64decode(key.partition(" ")[2])).digest()
    return f"SHA256:{b64encode(digest).decode().rstrip('=')}"


def _trusted(altdata: MmaAltdata, link: Link) -> paramiko.Transport:
    """A connection whose server has shown the right key: the pinned one, else the first one ever seen."""
    pinned = altdata.host_key
    kind = pinned.partition(" ")[0] if pinned and " " in pinned else None
    transport, shown = _connect(altdata, kind)
    try:
        known = pinned or link.learn(_HOST_KEY.format(host=altdata.host, port=altdata.port), shown)
        known_kind = known.partition(" ")[0]
        if " " in known and known_kind != shown.partition(" ")[0] and kind is None:
            # It has keys of several kinds, and now prefers another: ask for the one that is known.
            transport.close()
            transport, shown = _connect(altdata, known_kind)
        _compare(altdata, known, shown, pinned=pinned is not None)
    except BaseException:
        transport.close()
        raise
    return transport


def _compare(altdata: MmaAltdata, known: str, shown: str, *, pinned: bool) -> None:
    seen = fingerprint(shown)
    if (known if known.startswith("SHA256:") else fingerprint(known)) == seen:
        return
    logger.error("an SSH server shows another host key", host=altdata.host, port=altdata.port, key=seen)
    before = known if known.startswith("SHA256:") else fingerprint(known)
    what = "is not the pinned one" if pinned else "has changed"
    raise Rejected(
        f"host key: that of {altdata.host}:{altdata.port} {what}: it is {seen}, not {before}; nothing was "
        "sent. If the new one is right, put it into the allocation's altdata as host_key"
    )


def _connect(altdata: MmaAltdata, kind: str | None) -> tuple[paramiko.Transport, str]:
    """A connection before the login, and the host key that the server shows."""
    transport = paramiko.Transport(_socket(altdata))
    transport.banner_timeout = STEP_TIMEOUT_S
    transport.auth_timeout = STEP_TIMEOUT_S
    try:
        if kind:
            transport.get_security_options().key_types = _RSA if kind == "ssh-rsa" else (kind,)
        transport.start_client(timeout=STEP_TIMEOUT_S)
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
        transport.close()
        where = f"{altdata.host}:{altdata.port}"
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer | ValueError) and kind:
            raise Rejected(
                f"host key: {where} shows none of the kind {kind}, which is the known one"
            ) from None
        raise NotSent(f"no SSH connection to {where}: {words(error)}") from None
    return transport, f"{key.get_name()} {key.get_base64()}"


def _socket(altdata: MmaAltdata) -> socket.socket:
    host, port = (altdata.host or "").strip("[]"), altdata.port or 22
    try:
        destination = guard.resolve_host(host, port)
    except guard.Refused as error:
        raise Failed(f"the {error}") from None
    failure = "no address"
    for address in destination.addresses:
        try:
            found = socket.create_connection((address, port), timeout=CONNECT_TIMEOUT_S)
        except OSError as error:
            failure = words(error)
        else:
            found.settimeout(STEP_TIMEOUT_S)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each small step waits 40 ms
            return found
    raise NotSent(f"could not reach {host}:{port}: {failure}")


def _log_in(transport: paramiko.Transport, altdata: MmaAltdata) -> None:
    """By key, then by password, as far as they are given. Raises Rejected, NotSent."""
    user = altdata.username or ""
    password = altdata.password.get_secret_value() if altdata.password else None
    try:
        if altdata.private_key is not None:
            try:
                if not transport.auth_publickey(user, _private_key(altdata)):
                    return
            except paramiko.AuthenticationException:
                if password is None or not transport.is_active():
                    raise
        if password is not None:
            transport.auth_password(user, password)
        if not transport.is_authenticated():
            raise Rejected("authentication failed: the server wants more than was given")
    except paramiko.BadAuthenticationType as error:
        raise Rejected(
            f"authentication failed: the server takes only {', '.join(error.allowed_types)}"
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        refused = isinstance(error, paramiko.AuthenticationException) and transport.is_active()
        if refused and "timeout" not in str(error).lower():
            raise Rejected("authentication failed") from None
        raise NotSent(f"connection to {altdata.host} lost at the login: {words(error)}") from None


def _private_key(altdata: MmaAltdata) -> paramiko.PKey:
    text = altdata.private_key.get_secret_value() if altdata.private_key else ""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            found: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except paramiko.PasswordRequiredException:
            raise Rejected("the private key is locked by a passphrase; give it without") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
        return found
    raise Rejected("the private key cannot be read: Ed25519, ECDSA and RSA keys are taken")


def words(error: BaseException) -> str:
    """An exception in a few words."""
    return for_people(getattr(error, "strerror", None) or str(error).strip() or type(error).__name__, 200)
