"""Throw-away PostgreSQL and Redis servers for the tests: given by URL, else started from the machine's own binaries.
The browser of the browser tests is the machine's own Chromium.

A server started here has a private port or socket, a folder of its own and, where the tests run as root, an
unprivileged user; the machine's own servers are left alone. What is missing can be installed with
`python -m tests.servers install` where the system's package manager may be used. Of postfix only the two programs that
take and send test mail are unpacked, for an installed one would serve mail.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 30
_COUNTER_BYTES = 200  # more than one line of smtp-sink's counters
_POSTFIX = Path(__file__).resolve().parents[1] / "var" / "postfix"
_FAKETIME = _POSTFIX.parent / "faketime"
_DOVECOT = _POSTFIX.parent / "dovecot"
_SQLMAP = _POSTFIX.parent / "sqlmap"
_CHINESE_FONT = "fonts-noto-cjk"
_PACKAGES = {
    "postgres": "postgresql",
    "redis-server": "redis-server",
    "chromium": "chromium",
    "mariadbd": "mariadb-server-core",  # the program alone: no server of the machine's own
}
_SMALL_MARIADB = ("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M")  # quick to begin with
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class MissingServer(Exception):
    """A server the tests need is not on this machine; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A running smtp-sink: it takes every message and throws it away."""

    port: int
    pid: int
    folder: Path
    counters: Path

    def received(self) -> int:
        """Messages it has taken to their final dot."""
        with self.counters.open("rb") as counters:
            counters.seek(max(0, self.counters.stat().st_size - _COUNTER_BYTES))
            return int(counters.read().rpartition(b"mesg=")[2].strip() or b"0")


@contextlib.contextmanager
def postgres(
    *, durable: bool = False, folder: Path | None = None, options: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The URL of a server whose databases may be made and dropped at will.

    One that is `durable` writes as a production server does; `folder` says where, else in the system's own place.
    `options` are settings of postgresql.conf.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with own_postgres(durable=durable, folder=folder, options=options) as server:
        yield server.url


@contextlib.contextmanager
def own_postgres(
    *, durable: bool = False, folder: Path | None = None, options: Mapping[str, str] | None = None
) -> Iterator["Postgres"]:
    """A server of the caller's own, that may be stopped and started; a URL that is given changes nothing."""
    binaries = _postgres_binaries()
    careless = {} if durable else {"fsync": "off", "full_page_writes": "off"}
    chosen = {"max_connections": "200", **careless, **(options or {})}
    with _folder(folder) as own:
        data, port = own / "data", _free_port()
        _run([binaries / "initdb", "-D", data, "-U", "huifang", "--auth=trust", "-E", "UTF8", "--locale=C"])
        command = [binaries / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", own]
        settings = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        server = Postgres(binaries, port, own, [*command, *settings])
        server.start()
        try:
            yield server
        finally:
            server.stop_at_once()


@dataclass(slots=True)
class Postgres:
    """A running PostgreSQL and how to take it away."""

    binaries: Path
    port: int
    folder: Path
    command: Sequence[object]
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgres://huifang@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [str(part) for part in self.command], stdout=log, stderr=log, cwd=self.folder, **_unprivileged()
            )
        _wait_for_postgres(self.binaries, self.port)

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: nothing is brought to its end, and its next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START_SECONDS)
            self._process = None

    def new_database(self) -> str:
        """The URL of a database without a table."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        _run([self.binaries / "createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "huifang", name])
        return f"{self.url.rpartition('/')[0]}/{name}"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis that may be flushed and stopped."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with _folder() as folder:
        port = _free_port()
        with redis_on(port, folder):
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def redis_on(port: int, folder: Path) -> Iterator[None]:
    """A Redis on this port, for tests that stop and start it."""
    command = [redis_binary(), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with _server(command, folder):
        _wait_for_port(port)
        yield


@dataclass(frozen=True, slots=True)
class MariaDb:
    """A running MariaDB, whose root needs no password, and its general log: every statement it was asked."""

    port: int
    folder: Path

    @property
    def asked(self) -> str:
        return (self.folder / "general.log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def mariadb(*, log: bool = True) -> Iterator[MariaDb]:
    """A server of a recruiting site's kind, that may log what it is asked; TEST_MARIADB names another program."""
    program = mariadb_program()
    with _folder() as folder:
        data, port = folder / "data", _free_port()
        _fill_mariadb(program, data)
        files = [f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--general-log-file={folder}/general.log"]
        wire = [
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--sql-mode=",
            f"--general-log={log:d}",
            "--skip-name-resolve",
            *_SMALL_MARIADB,
        ]
        command = [program, "--no-defaults", f"--datadir={data}", *files, *wire, "--innodb-flush-log-at-trx-commit=0"]
        with _server(command, folder):
            _wait_for_port(port)
            yield MariaDb(port, folder)


def mariadb_program() -> Path:
    found = os.environ.get("TEST_MARIADB") or shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise MissingServer("MariaDB is missing: apt-get install mariadb-server-core, or set TEST_MARIADB")
    return Path(found)


def _fill_mariadb(program: Path, data: Path) -> None:
    """Its own tables, from the statements beside the program; mariadb-install-db wants parts of the client, too."""
    (data / "mysql").mkdir(parents=True)
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        for made in (data, data / "mysql"):
            os.chown(made, user.pw_uid, user.pw_gid)
    shared = next(path for path in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")) if path.is_dir())
    names = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
    words = "".join((shared / name).read_text(encoding="utf-8") for name in names)
    done = subprocess.run(
        [program, "--no-defaults", "--bootstrap", f"--datadir={data}", *_SMALL_MARIADB, "--log-warnings=0"],
        input=f"use mysql;\nSET @auth_root_socket=NULL;\n{words}",
        capture_output=True,
        text=True,
        cwd=data,
        **_unprivileged(),
    )
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def smtp_sink(*, keep: bool = False) -> Iterator[Sink]:
    """Postfix's smtp-sink on a free port. With `keep` each mail it takes becomes a file mail.* in its folder."""
    binary, surroundings = postfix_program("smtp-sink")
    port = _free_port()
    # it drops its privileges by itself, and will not start with them
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with _folder() as folder:
        counters = folder / "counters"
        with counters.open("wb") as out:
            kept = ["-d", str(folder / "mail.")] if keep else []
            command = [binary, "-c", *kept, *user, f"inet:127.0.0.1:{port}", "1000"]
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=surroundings)
        try:
            _wait_for_port(port)
            yield Sink(port, process.pid, folder, counters)
        finally:
            process.terminate()
            process.wait()


def postfix_program(name: str) -> tuple[str, dict[str, str]]:
    """Where smtp-sink or smtp-source is, and the environment to start it in."""
    if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return found, dict(os.environ)
    unpacked = _POSTFIX / "usr" / "sbin" / name
    if not unpacked.is_file():
        raise MissingServer(f"{name} is missing: make test unpacks it where apt-get may be used; else install postfix")
    libraries = [_POSTFIX / "usr" / "lib" / "postfix", *(_POSTFIX / "usr" / "lib").glob("*-linux-*")]
    path = ":".join([*map(str, libraries), os.environ.get("LD_LIBRARY_PATH", "")]).rstrip(":")
    return str(unpacked), {**os.environ, "LD_LIBRARY_PATH": path}


def dovecot_imap(folder: Path) -> tuple[list[str], dict[str, object]]:
    """A command that speaks IMAP on its own input and output, logged in already, and how to start it.

    Dovecot's real server program over a maildir in `folder`, which it must be able to write, without its login part:
    that one looks for its libraries in the system's folders only.
    """
    root = next((root for root in (Path("/"), _DOVECOT) if (root / "usr/lib/dovecot/imap").is_file()), None)
    if root is None:
        raise MissingServer("Dovecot is missing: make test unpacks it where apt-get may be used; else dovecot-imapd")
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    libraries, conf = root / "usr" / "lib" / "dovecot", folder / "dovecot.conf"
    conf.write_text(
        f"base_dir = {folder}\nlog_path = {folder}/log\nssl = no\nmail_location = maildir:{folder}/mail\n"
        f"mail_uid = {user.pw_uid}\nmail_gid = {user.pw_gid}\nfirst_valid_uid = 1\nstats_writer_socket_path =\n"
        f"mail_plugin_dir = {libraries}/modules\n"
    )
    command = [root / "usr" / "bin" / "doveconf", "-f", "service=imap", "-c", conf, "-m", "imap", "-e"]
    surroundings = {"USER": user.pw_name, "HOME": str(folder), "LD_LIBRARY_PATH": str(libraries), "PATH": "/bin"}
    how = {"env": surroundings, "cwd": folder, **_unprivileged()}
    return [str(part) for part in [*command, libraries / "imap"]], how


def faketime_library() -> Path:
    """libfaketime, under which a child sees another time of day."""
    for root in (Path("/usr/lib"), Path("/usr/local/lib"), _FAKETIME):
        if found := next(root.glob("**/faketime/libfaketime.so.1"), None):
            return found
    raise MissingServer("libfaketime is missing: make faults unpacks it where apt-get may be used; or install it")


def redis_binary() -> str:
    found = shutil.which("redis-server")
    if not found:
        raise MissingServer("redis-server is missing: apt-get install redis-server, or set TEST_REDIS_URL")
    return found


@contextlib.contextmanager
def chromium() -> Iterator[str]:
    """Where a Chromium is that the tests may drive: TEST_CHROMIUM, else the machine's own."""
    found = os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if not found:
        raise MissingServer("Chromium is missing: apt-get install chromium, or set TEST_CHROMIUM")
    yield found


def sqlmap_program() -> Path:
    """The script of sqlmap, Debian's."""
    for root in (Path("/"), _SQLMAP):
        if (found := root / "usr/share/sqlmap/sqlmap.py").is_file():
            return found
    raise MissingServer("sqlmap is missing: make sqlmap unpacks it where apt-get may be used; or install it")


def _postgres_binaries() -> Path:
    """The folder of the newest installation; Debian keeps the servers off PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    if not found:
        raise MissingServer("PostgreSQL is missing: apt-get install postgresql, or set TEST_DATABASE_URL")
    return Path(found).resolve().parent


@contextlib.contextmanager
def _folder(parent: Path | None = None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="huifang-test-", dir=parent))
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _server(command: list[object], folder: Path) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=log, cwd=folder, **_unprivileged()
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _run(command: list[object]) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **_unprivileged(), cwd="/")
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-500:]}")


def _unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root, and no test server needs to."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait_for_postgres(binaries: Path, port: int) -> None:
    _until(lambda: subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode == 0)


def _wait_for_port(port: int) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _until(answers)


def _until(ready: object) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise RuntimeError("the test server did not start")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install(more: Sequence[str] = ()) -> None:
    """Install what is missing with the system's package manager; says what it does, and what it may not do."""
    missing = [*(package for binary, package in _PACKAGES.items() if not _present(binary)), *more]
    if not missing:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print(f"installing for the tests: {' '.join(missing)}", flush=True)
        quiet = {
            "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
            "stdout": subprocess.DEVNULL,
        }
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
        # run level 1: the package starts no server of the machine's own
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet)  # type: ignore[call-overload]
        return
    print(f"not installed, and not allowed to install: {' '.join(missing)}", flush=True)


def need_chinese_font() -> None:
    """Without one every Chinese character of a picture is an empty box."""
    listed = shutil.which("fc-list")
    if not listed or not subprocess.run([listed, ":lang=zh"], capture_output=True, check=False).stdout.strip():
        raise MissingServer(f"a Chinese font is missing: apt-get install fontconfig {_CHINESE_FONT}")


def unpack_postfix() -> None:
    """Fetch postfix's package and lay out its files, without installing it; nothing of it is ever started as a service.

    Libraries of it that the machine lacks are laid beside it.
    """
    if _finds(lambda: postfix_program("smtp-sink")) and _finds(lambda: postfix_program("smtp-source")):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        print("not here, and not to be had without apt-get: smtp-sink and smtp-source (of postfix)", flush=True)
        return
    print("unpacking smtp-sink and smtp-source of postfix into var/postfix", flush=True)
    _POSTFIX.mkdir(parents=True, exist_ok=True)
    if not _unpack("postfix") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        _unpack("postfix")
    if _finds(lambda: postfix_program("smtp-sink")) and _lacks_libraries():
        listed = subprocess.run(["apt-cache", "depends", "postfix"], check=False, capture_output=True, text=True).stdout
        for line in listed.splitlines():
            needed = line.rpartition("Depends: ")[2].strip()
            if needed.startswith("lib"):
                _unpack(needed)


def unpack_dovecot() -> None:
    """Fetch Dovecot's IMAP server and lay it beside postfix's programs, without installing it."""
    if _finds(lambda: dovecot_imap(Path(tempfile.mkdtemp(prefix="huifang-test-")))):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        print("not here, and not to be had without apt-get: Dovecot's IMAP server", flush=True)
        return
    print("unpacking Dovecot's IMAP server into var/dovecot", flush=True)
    got = [_unpack(package, _DOVECOT) for package in ("dovecot-core", "dovecot-imapd")]
    if not all(got) and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        for package in ("dovecot-core", "dovecot-imapd"):
            _unpack(package, _DOVECOT)


def unpack_faketime() -> None:
    """Fetch libfaketime and lay it beside postfix's programs, without installing it."""
    if _finds(faketime_library):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        print("not here, and not to be had without apt-get: libfaketime", flush=True)
        return
    print("unpacking libfaketime into var/faketime", flush=True)
    if not _unpack("libfaketime", _FAKETIME) and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        _unpack("libfaketime", _FAKETIME)


def unpack_sqlmap() -> None:
    """Fetch sqlmap and lay it beside postfix's programs, without installing it."""
    if _finds(sqlmap_program):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        print("not here, and not to be had without apt-get: sqlmap", flush=True)
        return
    print("unpacking sqlmap into var/sqlmap", flush=True)
    if not _unpack("sqlmap", _SQLMAP) and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        _unpack("sqlmap", _SQLMAP)


def _unpack(package: str, to: Path = _POSTFIX) -> bool:
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        got = subprocess.run(["apt-get", "download", "-qq", package], check=False, cwd=folder, capture_output=True)
        for file in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", file, to], check=True)
    return got.returncode == 0


def _lacks_libraries() -> bool:
    program, surroundings = postfix_program("smtp-sink")
    return "not found" in subprocess.run(["ldd", program], capture_output=True, text=True, env=surroundings).stdout


def _present(binary: str) -> bool:
    if binary == "postgres":
        return bool(os.environ.get("TEST_DATABASE_URL")) or _finds(_postgres_binaries)
    if binary == "chromium":
        return _finds(lambda: chromium().__enter__())
    if binary == "mariadbd":
        return _finds(mariadb_program)
    return bool(os.environ.get("TEST_REDIS_URL")) or _finds(redis_binary)


def _finds(look: object) -> bool:
    try:
        look()  # type: ignore[operator]
    except MissingServer:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1:2] == ["install"]:
        pictures = sys.argv[2:] == ["screens"]
        install([] if not pictures or _finds(need_chinese_font) else ["fontconfig", _CHINESE_FONT])
        unpack_dovecot()
        unpack_postfix()
    if sys.argv[1:] == ["install", "faults"]:
        unpack_faketime()
    if sys.argv[1:] == ["install", "sqlmap"]:
        unpack_sqlmap()
