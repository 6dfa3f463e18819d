"""The words of content versions, which never change: each is read once, for pages and planner ask every second."""

from collections import OrderedDict
from collections.abc import Mapping

from campaigns.models import ContentVersion

_KEPT = 512  # each a few kilobytes

_known: OrderedDict[str, Mapping[str, str]] = OrderedDict()


async def files_of(versions: Mapping[int, str]) -> dict[int, Mapping[str, str]]:
    """Version id → its files. `versions`: id → digest, by which the same words are known in whatever database."""
    found = {version_id: _known[digest] for version_id, digest in versions.items() if digest in _known}
    if missing := [version_id for version_id in versions if version_id not in found]:
        for row in await ContentVersion.filter(id__in=missing):
            found[row.id] = _known[row.digest] = row.files
    for version_id in found:
        _known.move_to_end(versions[version_id])
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return found
