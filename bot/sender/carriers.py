"""The words of templates/ that a colleague sends at the push of a button: a folder as a campaign without dates.

`introduction.toml` and the others of such a name say title, class and channels in the words of a campaign.toml.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bot.runtime import Runtime
from campaigns.errors import DefinitionError
from campaigns.folders import compiled_content, parse_definition, read_files
from campaigns.folders.definition import NEEDS, Definition
from campaigns.reach import CampaignRules
from campaigns.terms import ChannelName


@dataclass(frozen=True)
class Carrier:
    """`rest` are the folder's other files, which are no part of the message."""

    key: str
    files: Mapping[str, str]
    rest: Mapping[str, str]

    @cached_property
    def definition(self) -> Definition:
        return parse_definition(self.files)

    def rules_until(self, useless_at: datetime | None) -> CampaignRules:
        """Of a run that ends then: what would have to wait longer is refused before it is written down."""
        content = compiled_content(self.files)
        return CampaignRules(
            message_class=self.definition.message_class,
            channels=self.definition.channels,
            useless_at=useless_at,
            wechat_modes=content.wechat_modes,
            subscribe_template=content.subscribe_template,
            unapproved=content.unapproved,
            by_hand=True,
        )

    def useless_at(self, now: datetime) -> datetime | None:
        return now + self.definition.useless_after if self.definition.useless_after else None


def read_carrier(runtime: Runtime, key: str) -> Carrier:
    """Raises DefinitionError where the folder is wrong."""
    folder, file = read_files(runtime.settings.huifang_templates / key), f"{key}.toml"
    try:
        table = tomllib.loads(folder[file])
        channels = [ChannelName(one) for one in table["channels"]]
    except (KeyError, ValueError, TypeError) as exc:
        raise DefinitionError(file, "channels", "读不出，放一个回去 (cannot be read)") from exc
    named = {name for channel in channels for name in NEEDS[channel]}
    kept = {name: text for name, text in folder.items() if name in named or name.startswith("_shared/")}
    lines = {**table, "channels": [str(one) for one in channels], "by_hand": True}
    what = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in lines.items())
    rest = {name: text for name, text in folder.items() if name not in kept and name != file}
    return Carrier(key, {**kept, "campaign.toml": what}, rest)
