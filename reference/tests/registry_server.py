"""A registry of its own process (Debian's docker-registry), and what stands around one in tests."""

import base64
import http.server
import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from tests.s3_server import free_port

USER, PASSWORD = "someone", "hunter2hunter2"
# The password's bcrypt, with the least rounds that there are.
_HTPASSWD = "someone:$2b$04$uWK9FOX5oOoAmZKw2uVndea1Y/wLUZhk3IyaUMfIaSWLWXUvsMcp2\n"
_CONFIG = """version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: ROOT}
  delete: {enabled: true}
http: {addr: "127.0.0.1:PORT"}
"""


def docker_registry() -> str | None:
    """The server's command, where it is installed."""
    return shutil.which("docker-registry")


@contextmanager
def registry(folder: Path, auth: str = "") -> Iterator[str]:
    """Its host and port, until the block ends; `auth` is a part of its configuration."""
    port = free_port()
    config = folder / "registry.yml"
    text = _CONFIG.replace("ROOT", str(folder / "blobs")).replace("PORT", str(port))
    config.write_text(text + auth)
    command = docker_registry()
    assert command
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen([command, "serve", str(config)], stdout=log, stderr=log)
    try:
        for _ in range(1200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5):
                    break
            except urllib.error.HTTPError:  # asks who we are
                break
            except OSError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@contextmanager
def registry_with_passwords(folder: Path) -> Iterator[str]:
    """A registry that asks for the user and the password above."""
    (folder / "htpasswd").write_text(_HTPASSWD)
    auth = f"auth: {{htpasswd: {{realm: registry, path: {folder / 'htpasswd'}}}}}\n"
    with registry(folder, auth) as host:
        yield host


class TokenService:
    """Gives tokens that a registry knows by their certificate.

    Attributes:
        asked: the Authorization of each request, and the form of one that has a body.
        seconds: how long a token holds.
        allows_anyone: whether who says no name may pull.
    """

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.seconds = 60.0
        self.allows_anyone = True
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens")])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        pem = folder / "tokens.pem"
        pem.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.answer(self, parse_qs(urlsplit(self.path).query), "")

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                service.answer(self, parse_qs(form), form)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        self.auth = (
            f"auth: {{token: {{realm: '{realm}', service: registry, issuer: tokens, "
            f"rootcertbundle: {pem}}}}}\n"
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(
        self, handler: http.server.BaseHTTPRequestHandler, said: dict[str, list[str]], form: str
    ) -> None:
        authorization = handler.headers.get("Authorization") or ""
        self.asked.append(authorization or form)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        is_known = pair == f"{USER}:{PASSWORD}" or said.get("refresh_token") == ["identity"]
        if not is_known and (authorization or form or not self.allows_anyone):
            handler.send_error(401)
            return
        access: list[dict[str, object]] = []
        for scope in said.get("scope", []):
            kind, name, actions = scope.split(":")
            granted = actions.split(",") if is_known else ["pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        body = json.dumps({"token": self._sign(access), "expires_in": int(self.seconds)}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _sign(self, access: list[dict[str, object]]) -> str:
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        now = time.time()
        # A registry is lenient by a minute, so what is to expire has to be older.
        head = {"alg": "ES256", "typ": "JWT", "x5c": [base64.b64encode(der).decode()]}
        claims = {
            "iss": "tokens",
            "sub": USER,
            "aud": "registry",
            "exp": int(now + self.seconds),
            "nbf": int(now - 100),
            "iat": int(now - 100),
            "jti": "1",
            "access": access,
        }
        signed = b".".join(_coded(json.dumps(part).encode()) for part in (head, claims))
        r, s = utils.decode_dss_signature(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return b".".join([signed, _coded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))]).decode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _coded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def log_in(folder: Path, host: str, **entry: str) -> None:
    """Docker's configuration in this folder, with one entry; the user above by default."""
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    folder.mkdir(exist_ok=True)
    entries = {"auths": {host: entry or {"auth": pair}}}
    (folder / "config.json").write_text(json.dumps(entries))


@contextmanager
def closing(service: TokenService) -> Iterator[TokenService]:
    """The service, until the block ends."""
    with suppress(OSError):
        yield service
    service.close()
