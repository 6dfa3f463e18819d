"""One mail's words and bytes, by the slow way and the quick one. Run: python -m tests.benchmarks.mail_building"""

import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.channels.dkim import DkimSigner
from bot.channels.mime import MailFrame, build_mail
from campaigns.content import render, render_slowly
from campaigns.folders import CampaignFolder, compiled_content, read_folder, sample_ways
from campaigns.terms import SHANGHAI, MailWords, MessageClass, Outbound
from tests.benchmarks.mailing import KEY, write_templates
from tests.slow_mail import build_slowly

NOW = datetime(2026, 11, 23, 9, tzinfo=SHANGHAI)
FRAME = MailFrame("大同人才网", "service@talent.example", "reply.talent.example", "mail.talent.example")
ROUNDS, TIMES = 60, 200


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_templates(Path(folder))
        campaign = read_folder(Path(folder) / KEY)
    words, fill, fill_slowly = mail_of(campaign)
    outbound = Outbound(
        1, "m7k2-9f3a", "hr@corp.example", MessageClass.MARKETING, words, "https://hr.example.com/u/m7k2.9f3ac1d0"
    )
    raw = build_mail(outbound, words, FRAME, NOW)
    print(f"html {len(words.html.encode())} bytes, text {len(words.text.encode())} bytes, the mail {len(raw)} bytes")
    slow = compared("fill", fill_slowly, fill)
    built = compared(
        "MIME", lambda: build_slowly(outbound, words, FRAME, NOW), lambda: build_mail(outbound, words, FRAME, NOW)
    )
    line("both", slow[0] + built[0], slow[1] + built[1])
    for kind, key in (("ed25519", Ed25519PrivateKey.generate()), ("RSA-2048", generate_private_key(65537, 2048))):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        signer = DkimSigner("talent.example", "s2026", pem)
        print(f"DKIM {kind:8} {least(lambda signer=signer: signer.signature(raw, NOW)):6.1f} µs of CPU a mail")


def mail_of(campaign: CampaignFolder) -> tuple[MailWords, Callable[[], object], Callable[[], object]]:
    compiled = compiled_content(campaign.files)
    way = next(iter(sample_ways(campaign, compiled)))
    words = render(compiled, way.channel, way.given)
    assert isinstance(words, MailWords)
    return (
        words,
        lambda: render(compiled, way.channel, way.given),
        lambda: render_slowly(compiled, way.channel, way.given),
    )


def compared(what: str, slowly: Callable[[], object], quickly: Callable[[], object]) -> tuple[float, float]:
    assert slowly() == quickly()
    took = least(slowly), least(quickly)
    line(what, *took)
    return took


def line(what: str, slow: float, quick: float) -> None:
    print(f"{what:6} slow {slow:7.1f} µs, quick {quick:6.1f} µs of CPU a mail, {slow / quick:5.1f} times as fast")


def least(work: Callable[[], object]) -> float:
    """The least of several rounds, in microseconds: other processes only ever make it more."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            work()
        found.append((time.process_time() - began) / TIMES * 1e6)
    return min(found)


if __name__ == "__main__":
    main()
