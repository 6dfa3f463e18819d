"""Template folder + variables → exact words, per channel. Compiled once for each content version.

What a template may see are plain values (`variables`), never objects; a missing one is an error. Html is autoescaped;
subjects, text and SMS are not, for there is nothing to escape there, but a line break in a name never breaks a line.
`render` fills slots between fixed texts; `render_slowly` says the same by the template engine and is what it is
measured by.
"""

from campaigns.content.compiling import MAIL_FRAME, SMS_SLOT, Compiled, compile_content
from campaigns.content.filling import (
    SMS_PARAM,
    render,
    render_slowly,
)
from campaigns.content.reads import unknown_names
from campaigns.content.sms_text import SmsText, inspect_sms, sms_segments
from campaigns.content.tables import read_table, read_toml
from campaigns.content.texts import UNDEFINED
from campaigns.content.values import EXTRAS, one_line, short_name, variables
from campaigns.content.wechat import WECHAT_LIMITS, too_much

REFUSAL_LINE = "拒收请回复R"

__all__ = [
    "EXTRAS",
    "MAIL_FRAME",
    "REFUSAL_LINE",
    "SMS_PARAM",
    "SMS_SLOT",
    "UNDEFINED",
    "WECHAT_LIMITS",
    "Compiled",
    "SmsText",
    "compile_content",
    "inspect_sms",
    "one_line",
    "read_table",
    "read_toml",
    "render",
    "render_slowly",
    "short_name",
    "sms_segments",
    "too_much",
    "unknown_names",
    "variables",
]
