"""The HTTP session over TLS: a good certificate is taken, any other means that nothing was sent."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from slew import http
from slew.errors import NotSent
from slew.http import Http
from slew.redact import Redactor
from slew.wire import HttpRequest


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def certificate(folder: Path, name: str, address: str) -> tuple[Path, Path]:
    """A self-signed certificate for an address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return files


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    pem, key = certificate(tmp_path, "server", getattr(request, "param", "127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    served = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    served.socket = context.wrap_socket(served.socket, server_side=True)
    threading.Thread(target=served.serve_forever, args=[0.02], daemon=True).start()
    yield f"https://127.0.0.1:{served.server_port}/", pem
    served.shutdown()
    served.server_close()
    http._tls.cache_clear()


def trust(monkeypatch: pytest.MonkeyPatch, pem: Path) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(pem))
    http._tls.cache_clear()


@pytest.mark.parametrize("untrusted", [False, True])
def test_a_certificate_of_a_known_authority(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, untrusted: bool
) -> None:
    url, pem = server
    trust(monkeypatch, pem)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    answer = Http(Redactor()).send(HttpRequest("POST", url, body=b"hello", untrusted=untrusted))
    assert (answer.status, answer.body) == (200, b"hello")


def test_an_unknown_authority(server: tuple[str, Path]) -> None:
    http._tls.cache_clear()
    with pytest.raises(NotSent, match="certificate verify failed"):
        Http(Redactor()).send(HttpRequest("POST", server[0], body=b"hello"))


def test_an_authority_of_the_deployment_s_own(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, pem = server
    monkeypatch.setenv("SLEW_CA_BUNDLE", str(pem))
    http._tls.cache_clear()
    assert Http(Redactor()).send(HttpRequest("POST", url, body=b"hello")).body == b"hello"
    assert len(http._tls().get_ca_certs()) > 10, "the others are still believed"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("SLEW_CA_BUNDLE", str(bundle))
    http._tls.cache_clear()
    with pytest.raises(NotSent, match="SLEW_CA_BUNDLE"):
        Http(Redactor()).send(HttpRequest("POST", server[0], body=b"hello"))


@pytest.mark.parametrize("server", ["127.0.0.2"], indirect=True)
def test_another_hosts_certificate(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, pem = server
    trust(monkeypatch, pem)
    with pytest.raises(NotSent, match=r"127\.0\.0\.1"):
        Http(Redactor()).send(HttpRequest("POST", url, body=b"hello"))
