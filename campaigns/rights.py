"""What a person on the staff may do, and to whose members: five roles, the rights each has, how far each reaches."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    MANAGER = "manager"
    MARKETER = "marketer"
    AGENT = "agent"
    VIEWER = "viewer"


class Right(StrEnum):
    """`ADDRESSES`: phone numbers and addresses in full; elsewhere they are masked. `PLAN`: segments, words and
    campaigns, stopping them included; `APPROVE`: what others planned. `EVENTS`: tell what happened on the site,
    which is for programs."""

    SEE = "see"
    ADDRESSES = "addresses"
    EXPORT = "export"
    ANSWER = "answer"
    PLAN = "plan"
    APPROVE = "approve"
    IMPORT = "import"
    EVENTS = "events"
    ASSIGN = "assign"
    SETTINGS = "settings"
    STAFF = "staff"
    AUDIT = "audit"


class Scope(StrEnum):
    """Whose members: one's own and one's department's, or everybody's."""

    DEPARTMENT = "department"
    ALL = "all"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.MANAGER: frozenset(Right) - {Right.SETTINGS, Right.STAFF, Right.EVENTS},
    Role.MARKETER: frozenset({Right.SEE, Right.ANSWER, Right.PLAN}),
    Role.AGENT: frozenset({Right.SEE, Right.ANSWER}),
    Role.VIEWER: frozenset({Right.SEE}),
}
SCOPES: Mapping[Role, Scope] = {
    Role.ADMIN: Scope.ALL,
    Role.MANAGER: Scope.ALL,
    Role.MARKETER: Scope.DEPARTMENT,
    Role.AGENT: Scope.DEPARTMENT,
    Role.VIEWER: Scope.ALL,
}
GRANTED = frozenset({Right.ADDRESSES, Right.EXPORT, Right.IMPORT, Right.ASSIGN})
"""What can be given to one person beyond his role."""


def rights_of(role: Role, grants: frozenset[Right]) -> frozenset[Right]:
    """A grant that nobody may be given counts for nothing; a viewer is given nothing that changes anything."""
    given = grants & GRANTED
    return RIGHTS[role] | (given & {Right.ADDRESSES, Right.EXPORT} if role is Role.VIEWER else given)
