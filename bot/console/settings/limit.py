"""One number of policy.toml as the settings show it, and a group of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One key of the file. `kind`: time, days (workdays or all), caller or number; `unit` stands behind a number."""

    key: str
    kind: str
    label: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    changes: str
    limits: tuple[Limit, ...]
