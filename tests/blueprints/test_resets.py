"""Two persons take a lost second factor away over HTTP; one alone does not, whichever way they try."""

import re

import pytest

from server.accounts.policy import Role
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.test_second_factor import enrol
from tests.canaries import PASSWORD

RESETS = "/console/resets"


@pytest.fixture
def people(app, world) -> dict[str, Colleague]:
    roles = {
        "duty1": Role.DUTY_OFFICER, "admin": Role.SECURITY_ADMINISTRATOR, "other": Role.SECURITY_ADMINISTRATOR,
        "leader": Role.RESPONSIBLE_PERSON,
    }  # fmt: skip
    for name, role in roles.items():
        world.hire(name, role=role)
    return {name: Colleague(app).sign_in(name) for name in roles}


def ask(colleague: Colleague, whose: str = "duty1", reason: str = "手机丢了"):
    return colleague.post(RESETS, login_name=whose, reason=reason)


def listed(colleague: Colleague) -> list[str]:
    return re.findall(r'action="/console/resets/([^/"]+)/approve"', text_of(colleague.get(RESETS)))


def test_one_asks_another_approves_and_its_owner_enrols_anew(app, people, world):
    assert ask(people["admin"]).headers["Location"] == RESETS
    assert listed(people["admin"]) == [], "not theirs to decide"
    [reset] = listed(people["leader"])
    assert people["leader"].post(f"{RESETS}/{reset}/approve").headers["Location"] == RESETS

    assert people["duty1"].poll().status_code == 401
    assert people["duty1"].poll("/console/duty/bell").status_code == 401
    again = Colleague(app)
    again.try_to_sign_in("duty1", PASSWORD)
    assert "先设置验证器" in text_of(again.get("/console/second-factor"))
    assert enrol(again)[1].status_code == 200
    assert [len(world.acts(f"factor_reset.{act}")) for act in ("asked", "approved")] == [1, 1]


def test_one_alone_does_not(people):
    ask(people["admin"])
    [reset] = listed(people["leader"])

    assert people["admin"].post(f"{RESETS}/{reset}/approve").status_code == 403
    assert people["admin"].post(f"{RESETS}/{reset}/refuse").status_code == 403
    assert people["duty1"].poll().status_code == 200


def test_whose_it_is_neither_asks_nor_decides_nor_reads_why(people):
    assert ask(people["admin"], whose="admin").status_code == 403
    ask(people["admin"], whose="other", reason="说手机丢了")
    [reset] = listed(people["leader"])

    assert "说手机丢了" not in text_of(people["other"].get(RESETS))
    assert people["other"].post(f"{RESETS}/{reset}/approve").status_code == 403


def test_a_refusal_leaves_everything_and_a_second_word_comes_too_late(people, world):
    ask(people["admin"])
    [reset] = listed(people["leader"])
    people["leader"].post(f"{RESETS}/{reset}/refuse")

    assert people["other"].post(f"{RESETS}/{reset}/approve").status_code == 409
    assert people["duty1"].poll().status_code == 200
    assert listed(people["leader"]) == []
    assert len(world.acts("factor_reset.refused")) == 1


def test_what_was_typed_stands_there_still_where_it_was_refused(people):
    answer = ask(people["admin"], whose="nobody", reason='<b>"手机丢了"')

    assert answer.status_code == 404
    assert 'value="nobody"' in text_of(answer)
    assert "&lt;b&gt;&#34;手机丢了&#34;" in text_of(answer)


def test_only_who_manages_accounts_asks(people):
    assert ask(people["leader"]).status_code == 404
    assert "申请重置</h2>" not in text_of(people["leader"].get(RESETS))
