"""The signature of a delivery, as the Standard Webhooks specification writes it.

`webhook-id` names what happened, `webhook-timestamp` when it was sent, `webhook-signature` holds `v1,` and the base64
of HMAC-SHA256 over `id.timestamp.body`: one for each secret that is good, parted by blanks.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from bot.tokens import Tokens
from campaigns.webhooks import Hook

_PREFIX = "whsec_"


def secret_of(tokens: Tokens, hook_id: int, generation: int) -> str:
    """The secret of a webhook, derived from our own: it stands in no table and no backup."""
    return _PREFIX + base64.b64encode(tokens.derive(f"webhook:{hook_id}:{generation}").encode()).decode()


def secrets_of(tokens: Tokens, hook: Hook, now: datetime) -> Sequence[str]:
    """The newest first; for a day after a rotation also the one before."""
    generations = [hook.generation]
    if hook.old_until and hook.old_until > now and hook.generation > 1:
        generations.append(hook.generation - 1)
    return [secret_of(tokens, hook.id, one) for one in generations]


def sign(event_id: str, body: bytes, now: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of a delivery."""
    seconds = int(now.timestamp())
    signed = f"{event_id}.{seconds}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{_mac(secret, signed)}" for secret in secrets),
    }


def _mac(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
