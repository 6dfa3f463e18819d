"""The one exception tree. Each answers "was it sent?" (never, where one of these is raised) and "who can mend it?"

OutreachError
├── ConfigError         the operator: a setting is missing or wrong
├── InputError          whoever gave the file, rule or argument: names the place and the remedy
│   └── DefinitionError the author of a campaign folder: names file and key
├── StateError          the caller: this cannot be done to a thing in that state
├── Interrupted         nobody: a person pressed Ctrl-C; what was done by then stands
├── ChannelUnavailable  a whole batch could not start; nothing was on the wire
└── WebhookRejected     a request that is not the provider's
"""


class OutreachError(Exception):
    """Anything we refuse with a reason that can be shown in one line."""


class ConfigError(OutreachError):
    """A setting is missing or wrong; the message names it and the remedy."""


class InputError(OutreachError):
    """A file, rule or argument cannot be used; the message names the place and the remedy."""


class DefinitionError(InputError):
    """A campaign folder is wrong at one key of one file."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}")
        self.file, self.key, self.problem = file, key, problem


class StateError(OutreachError):
    """The thing is not in a state that allows this."""


class Interrupted(OutreachError):
    """A person ended it half way; what was done by then stands. The message names the way on."""


class ChannelUnavailable(OutreachError):
    """A whole batch could not start: nothing of it was on the wire."""


class WebhookRejected(OutreachError):
    """A request at a provider's door that is not the provider's."""
