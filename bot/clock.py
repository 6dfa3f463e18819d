"""The product's clock: the wall's, or a virtual one that the sandbox may set and that then goes on at its own pace."""

from datetime import UTC, datetime

import orjson


class ProductClock:
    """Call it for the present moment (aware, UTC). Leases never follow it: they are the database's."""

    def __init__(self) -> None:
        self._virtual: datetime | None = None
        self._set_at = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        real = datetime.now(UTC)
        return real if self._virtual is None else self._virtual + (real - self._set_at)

    @property
    def is_virtual(self) -> bool:
        return self._virtual is not None

    def set(self, moment: datetime) -> None:
        self._virtual, self._set_at = moment.astimezone(UTC), datetime.now(UTC)

    def to_mark(self) -> str:
        assert self._virtual is not None
        return orjson.dumps({"virtual": self._virtual, "set_at": self._set_at}).decode()

    def follow(self, mark: str) -> None:
        """Go by what another process wrote into the database; a mark read before our own was set is old news."""
        value = orjson.loads(mark)
        set_at = datetime.fromisoformat(value["set_at"])
        if set_at > self._set_at:
            self._virtual, self._set_at = datetime.fromisoformat(value["virtual"]), set_at
