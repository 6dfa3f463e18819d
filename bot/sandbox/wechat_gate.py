"""Who may call the account's API: the caller's address, its credentials and access token, and the quotas."""

from collections.abc import Collection, Mapping
from typing import Any

from bot.sandbox.wechat_account import Grant, Quotas, Tokens, verdict_on_credentials
from bot.sandbox.wechat_errors import Refused, refuse_by


class Gate:
    """Every check raises Refused. `ip_allow_list` None: calls for a token are taken from anywhere."""

    def __init__(
        self, appid: str, secret: str, ip_allow_list: Collection[str] | None, tokens: Tokens, quotas: Quotas
    ) -> None:
        self.ip_allow_list = ip_allow_list
        self._appid, self._secret, self._tokens, self._quotas = appid, secret, tokens, quotas

    def check_address(self, ip: str) -> None:
        if self.ip_allow_list is not None and ip not in self.ip_allow_list:
            raise Refused(40164, f"{ip} ipv6 ::ffff:{ip}, not in whitelist")

    def check_token(self, token: str) -> None:
        refuse_by(self._tokens.verdict(token))

    def count(self, api: str) -> None:
        """One more call of this API, such as "message/template/send"."""
        refuse_by(self._quotas.verdict(api))

    def revoke(self) -> None:
        """Every token given out is void."""
        self._tokens.revoke()

    def give_token(self, given: Mapping[str, Any]) -> dict[str, Any]:
        refuse_by(verdict_on_credentials(given, self._appid, self._secret))
        return _granted(self._tokens.plain())

    def give_stable_token(self, given: Mapping[str, Any]) -> dict[str, Any]:
        refuse_by(verdict_on_credentials(given, self._appid, self._secret))
        force = given.get("force_refresh", False)
        if not isinstance(force, bool):
            raise Refused(47001)
        grant = self._tokens.stable(force)
        if isinstance(grant, int):
            raise Refused(grant)
        return _granted(grant)


def _granted(grant: Grant) -> dict[str, Any]:
    return {"access_token": grant.token, "expires_in": grant.expires_in}
