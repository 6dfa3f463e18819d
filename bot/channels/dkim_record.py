"""The DNS record that goes with a DKIM key (RFC 6376, 3.6.1), made, and compared with what is published."""

import base64
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_PIECE = 255  # octets of one string of a TXT record (RFC 1035)
_RSA_BITS = 2048


def make_key(kind: str) -> str:
    """A private key, "rsa" or "ed25519", as PEM without a password."""
    key: RSAPrivateKey | Ed25519PrivateKey = (
        generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        if kind == "rsa"
        else Ed25519PrivateKey.generate()
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def record_of(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    """The value of the TXT record. An ed25519 key stands there bare (RFC 8463), an RSA one in its envelope."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(octets).decode()}"
    octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(octets).decode()}"


def zone_value(record: str) -> str:
    """As a zone file takes it: strings of 255 octets at most, one behind the other."""
    return " ".join(f'"{record[start : start + _PIECE]}"' for start in range(0, len(record), _PIECE))


def problem_with(published: Sequence[str], record: str) -> str:
    """What keeps a verifier from using the published records with our key; empty where nothing does."""
    keys = [tags for text in published if "p" in (tags := _tags(text))]
    if not keys:
        return "没有这条记录 (no such record)"
    if len(keys) > 1:
        return "有两条记录，只留一条 (two records: verifiers take either)"
    wanted, found = _tags(record), keys[0]
    if not found["p"]:
        return "记录已被撤销，p= 是空的 (revoked: p= is empty)"
    if found.get("v", "DKIM1") != "DKIM1":
        return "v= 不是 DKIM1 (v= is not DKIM1)"
    if found.get("k", "rsa") != wanted["k"]:
        return f"k= 是 {found.get('k', 'rsa')}，钥匙是 {wanted['k']} (a key of another kind)"
    if found["p"] != wanted["p"]:
        return "公钥和 DKIM_PRIVATE_KEY 不是一对 (the published key is not that of DKIM_PRIVATE_KEY)"
    if "y" in found.get("t", "").split(":"):
        return "t=y 表示还在试，收件方当作没有签名 (t=y: still testing)"
    return ""


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): re.sub(r"\s", "", value) for name, equals, value in pairs if equals}
