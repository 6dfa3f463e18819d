"""A TLS door with a login before Dovecot's real IMAP server: one server program for each connection."""

import asyncio
import contextlib
import datetime
import mailbox
import os
import pwd
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.servers import dovecot_imap

USER, PASSWORD = "bounce@talent.example", "made-up"


@dataclass
class Front:
    folder: Path
    port: int = 0
    logins: int = 0
    deaf: bool = False  # hangs up on everybody who comes
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "cert.pem"))

    def deliver(self, raw: bytes) -> None:
        box = mailbox.Maildir(self.folder / "mail", create=True)
        box.add(raw)
        _give_to_nobody(self.folder / "mail")

    def mails(self, folder: str = "") -> list[tuple[bytes, str]]:
        """What lies in a folder, with the flags of each."""
        box = mailbox.Maildir(self.folder / "mail" / (f".{folder}" if folder else ""), create=False)
        return sorted((message.as_bytes(), message.get_flags()) for message in box)

    def drop_all(self) -> None:
        for writer in list(self.connections):
            writer.transport.abort()


@contextlib.asynccontextmanager
async def front(folder: Path) -> AsyncIterator[Front]:
    """Raises MissingServer where Dovecot cannot be had."""
    command, how = dovecot_imap(folder)
    mailbox.Maildir(folder / "mail", create=True)
    _give_to_nobody(folder)
    _make_certificate(folder)
    here = Front(folder)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections.add(writer)
        try:
            if not here.deaf and await _logged_in(reader, writer):
                here.logins += 1
                await _pass_on(reader, writer, command, how)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            here.connections.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_server_context(folder))
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        here.drop_all()
        await asyncio.sleep(0.05)


async def _logged_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"* OK ready\r\n")
    while line := await reader.readline():
        tag, command, *rest = line.decode().split()
        if command.upper() == "CAPABILITY":
            writer.write(f"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n".encode())
        elif command.upper() == "LOGIN" and [part.strip('"') for part in rest] == [USER, PASSWORD]:
            writer.write(f"{tag} OK logged in\r\n".encode())
            return True
        else:
            writer.write(f"{tag} NO [AUTHENTICATIONFAILED] wrong\r\n".encode())
    return False


async def _pass_on(reader, writer, command, how) -> None:
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, **how)
    assert program.stdin is not None
    assert program.stdout is not None
    assert (await program.stdout.readline()).startswith(b"* PREAUTH")  # our own greeting went out

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while octets := await source.read(65536):
                target.write(octets)
                await target.drain()
        target.close()

    tasks = [asyncio.create_task(pump(reader, program.stdin)), asyncio.create_task(pump(program.stdout, writer))]
    await asyncio.wait(tasks)
    await program.wait()


def _give_to_nobody(folder: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
    for parent in [folder, *folder.parents][:4]:
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o011)


def _server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
