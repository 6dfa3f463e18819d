"""The e-mail figures: on PostgreSQL, on SQLite, signed, and by size."""

import statistics

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.benchmarks.bench import Bench, WrongResult
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import postgres_ground, sqlite_ground
from tests.benchmarks.mail_limit import best_limit, sample_mail
from tests.benchmarks.mail_run import MailRun, mail_out

_COUNT = 100_000
_WORKERS = 2  # of the machine with two cores that the figures are wanted for
_SPENDERS = {"cpu_us": "worker", "database_us": "database", "sink_us": "sink"}
_SMALL, _LARGE = 10_000, 1_000_000
_SMALL_ROUNDS = 3


def email(bench: Bench) -> dict[str, Figures]:
    """On PostgreSQL, beside what smtp-source reaches in the same minute."""
    mail, count = sample_mail(), bench.size(_COUNT)
    with postgres_ground() as ground:
        bench.say(ground.about)
        figures = mail_out(bench, ground, count, processes=bench.processes(_WORKERS)).figures()
    limit = best_limit(bench, mail, count)
    bench.say(_breakdown(figures, limit, len(mail) + mail.count(b"\n")))
    return {"email": {**figures, "limit_per_s": limit, "ratio": round(figures["per_s"] / limit, 3)}}


def email_sqlite(bench: Bench) -> dict[str, Figures]:
    """In the newcomer's mode."""
    with sqlite_ground() as ground:
        bench.say(ground.about)
        return {"email_sqlite": mail_out(bench, ground, bench.size(_COUNT)).figures()}


def email_dkim(bench: Bench) -> dict[str, Figures]:
    """Signed by our own domain: mails for each second of a worker's CPU, by either kind of key."""
    keys = {"ed25519": Ed25519PrivateKey.generate(), "rsa": generate_private_key(65537, 2048)}
    found: Figures = {}
    for name, key in keys.items():
        signing = {
            "dkim_domain": "mail.huifang.example.com",
            "dkim_selector": "bench",
            "dkim_private_key": _pem(key),
        }
        if b"DKIM-Signature:" not in sample_mail(**signing):
            raise WrongResult("the mails are not signed")
        with postgres_ground() as ground:
            bench.say(ground.about)
            done = mail_out(bench, ground, bench.size(_COUNT), processes=bench.processes(1), **signing)
        found |= {
            f"{name}_per_core_s": round(done.count / done.worker_cpu),
            f"{name}_per_s": done.figures()["per_s"],
            f"{name}_cpu_us": done.per_mail(done.worker_cpu),
        }
    return {"email_dkim": found}


def scale(bench: Bench) -> dict[str, Figures]:
    """A mail of a large mailing beside one of a small: CPU of worker and database, and the worker's memory."""
    large = bench.size(_LARGE)
    small, middle = large * _SMALL // _LARGE, large * _COUNT // _LARGE
    little = statistics.median(_cost(_measured(bench, small)) for _ in range(_SMALL_ROUNDS))
    medium, most = _measured(bench, middle), _measured(bench, large)
    bench.say(f"{small:,}: {little} µs, {middle:,}: {_cost(medium)} µs, {large:,}: {_cost(most)} µs of CPU a mail")
    return {
        "scale": {
            "count": large,
            "cost_us": _cost(most),
            "cost_ratio": round(_cost(most) / little, 3),
            "per_s": most.figures()["per_s"],
            "rss_100k_mb": round(medium.rss_mb),
            "rss_1m_mb": round(most.rss_mb),
        }
    }


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _measured(bench: Bench, count: int) -> MailRun:
    with postgres_ground() as ground:
        return mail_out(bench, ground, count, processes=bench.processes(1))


def _cost(done: MailRun) -> float:
    return done.per_mail(done.worker_cpu + done.database_cpu)


def _breakdown(figures: Figures, limit: int, size: int) -> str:
    cpu = ", ".join(f"{who} {figures[name]:.0f} µs" for name, who in _SPENDERS.items())
    clock = f"{1e6 / figures['per_s']:.0f} µs, at the limit {1e6 / limit:.0f} µs"
    return f"{size:,} bytes a mail. CPU a mail: {cpu}. By the clock: {clock}"
