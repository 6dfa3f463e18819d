"""What the site tells as it happens: one declaration for each event."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bot.web.api.rows import T64, T255, Count, Day, Moment, No, Row


class Happened(Row):
    """Without `at` it happened now; with it the same event told twice changes nothing."""

    at: Moment | None = None


class LoginEvent(Happened):
    """A member logged in."""

    event: Literal["login"]
    member_no: No


class ApplicationEvent(Happened):
    """A résumé came in."""

    event: Literal["application_received"]
    no: No
    posting_no: No
    seeker_no: T64 | None = None


class ReadEvent(Happened):
    """A member looked: at one résumé, at all of a posting, or at all it has."""

    event: Literal["read"]
    application_no: No | None = None
    posting_no: No | None = None
    member_no: No | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "ReadEvent":
        if sum(one is not None for one in (self.application_no, self.posting_no, self.member_no)) != 1:
            raise ValueError("name one of application_no, posting_no, member_no")
        return self


class PostingEvent(Happened):
    """A posting was changed, refreshed, taken offline or put back."""

    event: Literal["posting_changed"]
    posting_no: No
    title: T255 | None = None
    city: T64 | None = None
    state: Literal["live", "expired", "offline"] | None = None
    pay_min: Count | None = None
    pay_max: Count | None = None
    heads: Count | None = None
    deadline: Day | None = None
    refreshed_at: Moment | None = None


class RenewedEvent(Happened):
    """A member renewed its plan."""

    event: Literal["renewed"]
    member_no: No
    plan_expires_on: Day
    plan: T64 | None = None


class HiredEvent(Happened):
    """Whoever sent this résumé was hired."""

    event: Literal["hired"]
    application_no: No


Event = Annotated[
    LoginEvent | ApplicationEvent | ReadEvent | PostingEvent | RenewedEvent | HiredEvent, Field(discriminator="event")
]
