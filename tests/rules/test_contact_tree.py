"""The people of a member: who stands under whom, who decides, and what a cell of an export says of them."""

import pytest

from campaigns.briefing.people import DEEPEST, Branch, Person, deciders, in_order, is_below, role_by_title, tree_of
from campaigns.cells import parse_words
from campaigns.columns import TableKind
from campaigns.fields import FIELDS
from campaigns.rows import Fault
from campaigns.terms import ContactRole

READ = FIELDS[TableKind.CONTACTS]


def person(no: str, above: str = "", **given: object) -> Person:
    return Person(**{"id": int(no[1:]), "no": no, "name": no, "title": "", "mobile": None, "above": above, **given})  # type: ignore[arg-type]


def shape(tree: list[Branch]) -> list[object]:
    return [(one.person.no, shape(one.below)) if one.below else one.person.no for one in tree]


def test_each_stands_under_whom_they_report_to() -> None:
    people = [person("C1"), person("C2", "C1"), person("C3", "C2"), person("C4", "C1"), person("C5", "nobody here")]
    assert shape(tree_of(people)) == [("C1", [("C2", ["C3"]), "C4"]), "C5"]


def test_of_a_circle_nobody_is_lost() -> None:
    people = [person("C1", "C1"), person("C2", "C3"), person("C3", "C2"), person("C4", "C3")]
    assert shape(tree_of(people)) == ["C1", ("C2", [("C3", ["C4"])])]


def test_a_long_line_of_superiors_goes_no_deeper_than_a_page_can_show() -> None:
    people = [person(f"C{n}", f"C{n - 1}") for n in range(5000)]
    branches, depth, seen = tree_of(people), 0, 0
    while branches:
        depth, seen = depth + 1, seen + len(branches)
        branches = [below for one in branches for below in one.below]
    assert (depth, seen) == (DEEPEST, 5000)


def test_who_is_below_whom_is_found_through_others_and_in_a_circle() -> None:
    people = [person("C1"), person("C2", "C1"), person("C3", "C2"), person("C8", "C9"), person("C9", "C8")]
    assert is_below(people, "C3", "C1")
    assert is_below(people, "C1", "C1")
    assert not is_below(people, "C1", "C3")
    assert not is_below(people, "C8", "C1")


def test_who_is_there_comes_first_then_the_role_then_the_weight_of_the_word() -> None:
    decides, uses = ContactRole.DECIDES, ContactRole.USES
    people = [
        person("C1", active=False, role=decides), person("C2", is_primary=True), person("C3", role=uses, influence=1),
        person("C4", role=uses, influence=3), person("C5", role=decides),
    ]  # fmt: skip
    assert [one.no for one in in_order(people)] == ["C5", "C4", "C3", "C2", "C1"]


def test_a_guess_counts_only_where_nobody_wrote_down_who_decides() -> None:
    guessed = person("C1", role=ContactRole.DECIDES, guessed=True)
    told = person("C2", role=ContactRole.DECIDES)
    assert deciders([guessed]) == [guessed]
    assert deciders([guessed, told]) == [told]
    assert deciders([person("C3", role=ContactRole.DECIDES, active=False)]) == []


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("总经理", ContactRole.DECIDES),
        ("总经理助理", ContactRole.GATEKEEPER),
        ("副总经理", ContactRole.ADVISES),
        ("财务总监", ContactRole.PAYS),
        ("人事主管", ContactRole.USES),
        ("电工", None),
        ("", None),
    ],
)
def test_a_title_says_what_somebody_probably_is(title: str, role: ContactRole | None) -> None:
    assert role_by_title(title) is role


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("role", "拍板人", ContactRole.DECIDES),
        ("role", " Decides ", ContactRole.DECIDES),
        ("role", "守门人", ContactRole.GATEKEEPER),
        ("role", "无", None),
        ("influence", "３", 3),
        ("influence", "2.0", 2),
        ("influence", "高", 3),
        ("influence", "", None),
        ("interests", "钓鱼，孩子高考 ,钓鱼;", "钓鱼、孩子高考"),
        ("interests", "，，", None),
        ("interests", "-", None),
    ],
)
def test_a_cell_is_read_as_people_write_it(field: str, cell: str, value: object) -> None:
    assert READ[field](cell) == value


@pytest.mark.parametrize(
    ("field", "cell"), [("role", "大老板"), ("influence", "4"), ("influence", "0"), ("influence", "x")]
)
def test_what_cannot_be_read_is_left_out_and_said(field: str, cell: str) -> None:
    found = READ[field](cell)
    assert isinstance(found, Fault)
    assert found.instead is None
    assert not found.fatal


def test_interests_that_are_too_long_are_cut_and_said() -> None:
    found = READ["interests"]("、".join(str(n) for n in range(200)))
    assert isinstance(found, Fault)
    assert len(found.instead) == 255


def test_words_of_a_list_are_parted_by_any_comma() -> None:
    assert parse_words("a、b,c，d；e/f\ng  h") == ("a", "b", "c", "d", "e", "f", "g h")
    assert parse_words(" 、\x00") == ()
