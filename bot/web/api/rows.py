"""What a row of each batch may say: the one declaration that validates it and that OpenAPI shows.

A row names what it tells; what it does not name stays as it is. Texts are then read as an export's cells are
(campaigns.fields), so that both roads mean the same.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from campaigns.columns import TableKind
from campaigns.terms import SHANGHAI, ContactRole

LARGEST = 2**31 - 1
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def _possible(value: datetime | date) -> datetime | date:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return value


def _local(value: datetime) -> datetime:
    """To the second, in Shanghai, which is also what a moment without a zone is."""
    _possible(value)
    return (value.replace(tzinfo=SHANGHAI) if value.tzinfo is None else value.astimezone(SHANGHAI)).replace(
        microsecond=0
    )


def _written(value: object) -> object:
    """A number of seconds is no moment: nobody could say which clock counted them."""
    if not isinstance(value, str | date):
        raise ValueError("a text as ISO 8601 writes it")
    return value


No = Annotated[str, Field(min_length=1, max_length=64, description="The number on the site.", examples=["Q100042"])]
Moment = Annotated[
    datetime,
    BeforeValidator(_written),
    AfterValidator(_local),
    Field(description="ISO 8601; without a zone it is Asia/Shanghai.", examples=["2026-11-23T09:00:00+08:00"]),
]
Day = Annotated[
    date,
    BeforeValidator(_written),
    AfterValidator(_possible),
    Field(description="A day in Asia/Shanghai.", examples=["2027-06-14"]),
]
Count = Annotated[int, Field(ge=0, le=LARGEST, strict=True)]
T64 = Annotated[str, Field(max_length=64)]
T128 = Annotated[str, Field(max_length=128)]
T255 = Annotated[str, Field(max_length=255)]
T512 = Annotated[str, Field(max_length=512)]


class Row(BaseModel):
    """`null` empties a field."""

    model_config = ConfigDict(extra="forbid")


class MemberRow(Row):
    """An enterprise member (企业会员)."""

    no: No
    name: Annotated[str, Field(min_length=1, max_length=255, examples=["大同机械有限公司"])]
    trade: T64 | None = None
    nature: T64 | None = None
    size: T64 | None = None
    city: T64 | None = None
    registered_at: Moment | None = None
    last_login_at: Moment | None = None
    login_count: Count | None = None
    plan: T64 | None = None
    plan_expires_on: Day | None = None
    owner: T64 | None = Field(None, description="The name of the colleague whose member it is.")
    attrs: dict[T64, T512] | None = Field(None, max_length=50, description="Columns of the site's own.")


class ContactRow(Row):
    """A person at a member (联系人). `null` leaves title, parent_no, role, influence and interests as they are:
    colleagues write these down too."""

    no: No
    member_no: No
    name: T128 | None = None
    title: T128 | None = None
    mobile: T64 | None = Field(None, examples=["13800000000"])
    email: T255 | None = None
    openid: T64 | None = Field(None, description="Of the WeChat Official Account.")
    qq: Annotated[str, Field(max_length=32)] | None = None
    is_primary: StrictBool | None = None
    parent_no: T64 | None = Field(None, description="The contact this one reports to.")
    consent: StrictBool | None = Field(None, description="Consent to marketing; null: never asked, which is none.")
    consent_at: Moment | None = None
    consent_source: T128 | None = None
    role: ContactRole | None = Field(None, description="What this person is when something is to be decided.")
    influence: Annotated[int, Field(ge=1, le=3, strict=True)] | None = Field(None, description="1 little, 3 much.")
    interests: T255 | None = Field(None, description="Parted by 、 or commas.", examples=["钓鱼、孩子高考"])


class PostingRow(Row):
    """A job posting (职位)."""

    no: No
    member_no: No
    title: T255 | None = None
    category: T128 | None = None
    parent_category: T128 | None = None
    city: T64 | None = None
    pay_min: Count | None = None
    pay_max: Count | None = None
    negotiable: StrictBool | None = None
    heads: Count | None = None
    hours: T128 | None = None
    duties: Annotated[str, Field(max_length=20_000)] | None = Field(None, description="Only its length is kept.")
    education: T64 | None = None
    experience: T64 | None = None
    contact_name: T128 | None = None
    contact_phone: T64 | None = None
    published_at: Moment | None = None
    refreshed_at: Moment | None = None
    deadline: Day | None = None
    state: Literal["live", "expired", "offline"] = "live"
    audit: Literal["pending", "passed", "failed"] | None = None
    views: Count | None = None
    urgent: StrictBool | None = None


class ApplicationRow(Row):
    """A résumé that was sent to a posting (投递); unread while `first_viewed_at` is empty."""

    no: No
    posting_no: No
    seeker_no: T64 | None = None
    applied_at: Moment | None = None
    first_viewed_at: Moment | None = None
    outcome: T64 | None = None

    @model_validator(mode="after")
    def _came_first(self) -> "ApplicationRow":
        if self.applied_at and self.first_viewed_at and self.first_viewed_at < self.applied_at:
            raise ValueError("first_viewed_at is before applied_at: send the moment it was looked at after it came")
        return self


class LoginRow(Row):
    """A login of the past (登录); of one as it happens tell the event."""

    member_no: No
    at: Moment


ROWS: Mapping[TableKind, type[Row]] = {
    TableKind.MEMBERS: MemberRow,
    TableKind.CONTACTS: ContactRow,
    TableKind.POSTINGS: PostingRow,
    TableKind.APPLICATIONS: ApplicationRow,
    TableKind.LOGINS: LoginRow,
}
_FIELD_OF = {"duties": "duties_length"}


def cells_of(row: Row) -> dict[str, str]:
    """Field of the ledger → the text an export would have; only what the row names."""
    return {
        _FIELD_OF.get(name, name): _cell(getattr(row, name)) for name in sorted(row.model_fields_set) if name != "attrs"
    }


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)
