"""A campaign's words as the facts of sample.toml fill them, for staff to read and the lint to check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.content import Compiled, read_toml, render
from campaigns.folders.reading import SITE, CampaignFolder, compiled_content
from campaigns.terms import ChannelName, WechatMode, Words

SAMPLE_LINKS = {name: f"https://huifang.example.com/{name}/m1" for name in ("unsubscribe", "way_in", "open", "click")}


@dataclass(frozen=True, slots=True)
class SampleWay:
    """One way the campaign's words can go out, with the sample's facts to fill them."""

    name: str
    channel: ChannelName
    given: Mapping[str, Any]
    mode: WechatMode | None = None

    def words(self, compiled: Compiled) -> Words:
        return render(compiled, self.channel, self.given, self.mode)


def render_sample(folder: CampaignFolder) -> dict[str, Words]:
    """The words of every channel, filled with sample.toml's facts; of the answers as the first channel says them."""
    compiled = compiled_content(folder.files)
    found: dict[str, Words] = {}
    for way in sample_ways(folder, compiled):
        if way.name not in found:
            found[way.name] = way.words(compiled)
    return found


def sample_ways(folder: CampaignFolder, compiled: Compiled) -> Iterator[SampleWay]:
    given = sample_facts(folder.files)
    for channel in folder.definition.channels:
        if folder.definition.answers:
            for intent in sorted(folder.definition.answers):
                yield SampleWay(f"answer.{intent}", channel, {**given, "intent": intent})
        elif channel is ChannelName.WECHAT:
            for mode in sorted(compiled.wechat_modes):
                yield SampleWay(f"{channel}.{mode}", channel, given, mode)
        else:
            yield SampleWay(str(channel), channel, given)


def sample_facts(files: Mapping[str, str]) -> dict[str, Any]:
    """The facts the lint fills words with: the shared ones, then the folder's own on top."""
    names = ("_shared/sample.toml", "sample.toml")
    shared, own = (read_toml(files.get(name, ""), name) for name in names)
    site = {"site": read_toml(files[SITE], "site.toml")} if SITE in files else {}
    return {**_over(shared, own), **site, "links": SAMPLE_LINKS}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Table by table: a sample that names one fact leaves its neighbours as they are."""
    return {**below} | {
        key: _over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
