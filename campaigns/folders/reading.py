"""A campaign folder as one immutable set of files, compiled once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from campaigns.content import Compiled, compile_content, read_toml
from campaigns.errors import DefinitionError
from campaigns.folders.definition import Definition, parse_definition

_OF_INTENTS = "keywords.toml"  # not of the words
SITE = "_shared/site.toml"  # under this name in a content version; on the disk one floor up


@dataclass(frozen=True, slots=True)
class CampaignFolder:
    key: str
    files: Mapping[str, str] = field(repr=False)
    digest: str
    definition: Definition


def place_of(key: str, file: str) -> str:
    """A file of a campaign, or of none, as it stands on the disk, counted from the templates."""
    return file if not key or file == "site.toml" or file.startswith("_shared/") else f"{key}/{file}"


def read_folder(path: Path) -> CampaignFolder:
    """A folder and the shared files, as one immutable set. Raises DefinitionError where it is wrong."""
    return folder_of(path.name, read_files(path))


def folder_of(key: str, files: Mapping[str, str]) -> CampaignFolder:
    """These files, its own and the shared ones, as a campaign's folder. Raises DefinitionError where they are wrong."""
    given = {name: text for name, text in files.items() if name != _OF_INTENTS}
    return CampaignFolder(key, given, digest_of(given), parse_definition(given))


def read_files(path: Path) -> dict[str, str]:
    """What lies in a folder and in the shared one. Raises DefinitionError where it cannot be read."""
    if not path.is_dir():
        raise DefinitionError(path.name, "folder", "没有这个文件夹 (no such folder)")
    files = read_own(path) | read_shared(path.parent)
    files.pop(_OF_INTENTS, None)
    return files


def read_own(path: Path) -> dict[str, str]:
    """The files of one folder as they lie there, unchecked; none where there is no folder."""
    return {one.name: _read(one) for one in _files_of(path)}


def read_shared(templates: Path) -> dict[str, str]:
    """What every campaign's folder has besides its own."""
    files = {f"_shared/{one.name}": _read(one, "_shared/") for one in _files_of(templates / "_shared")}
    if (templates / "site.toml").is_file():
        files[SITE] = _read(templates / "site.toml")
    return files


def digest_of(files: Mapping[str, str]) -> str:
    return hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()


def load_site(templates: Path) -> dict[str, str]:
    """templates/site.toml: who we are, as every message says it."""
    table = read_toml(_read(templates / "site.toml"), "site.toml")
    for key in ("name", "sign_name", "url", "phone", "address"):
        if not isinstance(table.get(key), str):
            raise DefinitionError("site.toml", key, "要填 (missing)")
    return {str(key): str(value) for key, value in table.items()}


def compiled_content(files: Mapping[str, str]) -> Compiled:
    """The compiled form of a content version; the same files are compiled once."""
    return _compiled(tuple(sorted(files.items())))


@lru_cache(maxsize=64)
def _compiled(files: tuple[tuple[str, str], ...]) -> Compiled:
    return compile_content(dict(files))


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [one for one in sorted(folder.iterdir()) if one.suffix in (".toml", ".mjml", ".txt") and one.is_file()]


def _read(path: Path, folder: str = "") -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except UnicodeDecodeError as exc:
        raise DefinitionError(f"{folder}{path.name}", "encoding", "要存成 UTF-8 (not UTF-8)") from exc
    except OSError as exc:
        raise DefinitionError(
            f"{folder}{path.name}", "file", f"读不出，放一个回去 (cannot be read: {exc.strerror})"
        ) from exc
