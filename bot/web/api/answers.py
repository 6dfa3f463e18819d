"""What the interface answers: declared once, for OpenAPI and for those who write it."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """What is wrong with a row: where, and what to do about it."""

    place: str = Field(examples=["/rows/3/mobile"])
    problem: str


class RowResult(BaseModel):
    """What became of one row; `row` counts from 0."""

    row: int
    result: Literal["added", "updated", "unchanged", "rejected"]
    faults: list[Fault] = []


class BatchAnswer(BaseModel):
    """Rows in the order they were sent in. Those not rejected are stored together, or none of them."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    results: list[RowResult]


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    faults: list[Fault] = []


class ContactFound(BaseModel):
    """Addresses are masked unless the token has the right to see them."""

    no: str
    name: str
    title: str
    mobile: str
    email: str
    is_primary: bool
    consent: bool | None
    active: bool
    parent_no: str = Field(description="The contact this one reports to; empty: not told.")
    role: str | None = Field(description="decides, pays, advises, uses, gatekeeper; null: nobody wrote it down.")
    influence: int | None = Field(description="1 little, 3 much.")
    interests: str | None = Field(description="With 、 between them.")


class MemberFound(BaseModel):
    no: str
    name: str
    trade: str
    nature: str
    size: str
    city: str
    owner: str
    plan: str
    plan_expires_on: date | None
    tier: str
    registered_at: datetime | None
    last_login_at: datetime | None
    login_count: int
    live_postings: int
    applications: int
    unread_resumes: int
    oldest_unread_at: datetime | None
    activity_state: str
    p_active: float | None
    refused: bool = Field(description="One word of refusal: nothing is sent to it on any channel.")
    attrs: dict[str, Any]
    contacts: list[ContactFound]


class MemberPage(BaseModel):
    """`next`: what `after` is to be for the page behind this one; null on the last."""

    members: list[MemberFound]
    next: int | None


class TouchFound(BaseModel):
    """A contact that happened. `text`: what came in; what we sent stands in the console."""

    id: int
    member_no: str
    contact_no: str | None
    at: datetime
    direction: str
    kind: str
    medium: str
    message_class: str
    text: str
    intent: str


class TouchPage(BaseModel):
    """`next`: what `after` is to be for the page behind this one; null on the last."""

    touches: list[TouchFound]
    next: int | None
