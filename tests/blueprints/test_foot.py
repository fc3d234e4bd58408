"""At the foot of every page: who runs it, its filing number, the notices. And the file by which WeChat knows the domain."""

from dataclasses import replace

import pytest

from server.errors import ConfigurationError
from server.notices import load_text
from server.parts import NOTICES, build_parts
from tests.blueprints.visitor import Visitor

EVERYWHERE = ["/h5/", "/h5/help", "/h5/contact", "/h5/test/phq9", "/h5/me/sign-in", "/h5/nowhere", "/q/2222222222"]
SET = {
    "operator_name": "榕江区卫生健康局",
    "icp_filing": "粤ICP备00000000号",
    "complaint_contact": "020-00000000",
    "wechat_verify_files": ("MP_verify_AbC123.txt:AbC123",),
}


@pytest.fixture
def with_settings(app):
    parts = app.extensions["xinqiao"]
    settings = parts.settings.model_copy(update=SET)
    built = build_parts(settings, database=parts.database)
    app.extensions["xinqiao"] = replace(parts, settings=settings, notices=built.notices)
    return Visitor(app)


@pytest.mark.parametrize("address", EVERYWHERE)
def test_every_page_ends_with_the_operator_the_filing_and_the_notices(with_settings, world, address):
    page = with_settings.open(address)

    assert SET["operator_name"] in page.words
    assert SET["icp_filing"] in page.words
    assert [f"/h5/notice/{name}" in page.links for name in NOTICES] == [True] * 3


@pytest.mark.parametrize("address", EVERYWHERE)
def test_what_is_not_set_is_not_made_up(app, world, address):
    page = Visitor(app).open(address)

    assert "备" not in page.words.replace("设备", "")
    assert "本区社会心理服务" in page.words


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_says_who_to_turn_to_and_which_version_it_is(with_settings, name):
    page = with_settings.open(f"/h5/notice/{name}")

    assert page.status == 200
    assert SET["complaint_contact"] in page.words
    assert f"版本 {name}-" in page.words
    assert "{" not in page.words


def test_the_notices_need_no_store(app, lose_store):
    give_back = lose_store()

    assert Visitor(app).open("/h5/notice/privacy").status == 200
    give_back()


def test_a_notice_that_never_was_is_not_found(visitor):
    assert visitor.open("/h5/notice/nothing").status == 404


def test_the_days_after_unfollowing_are_those_of_the_setting(app):
    parts = app.extensions["xinqiao"]
    built = build_parts(parts.settings.model_copy(update={"unfollowed_kept_days": 45}), database=parts.database)

    assert "45 天" in built.notices["privacy"].html


@pytest.mark.parametrize(
    "text", ["no front\n", "---\ntitle: a\n---\nx", "---\nversion: 1\n---\n{unknown}", "---\n- a\n---\nx"]
)
def test_a_text_without_version_or_with_a_gap_stops_the_start(tmp_path, text):
    file = tmp_path / "privacy.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"privacy\.md"):
        load_text(file, facts={"operator": "x"})


def test_wechats_file_is_served_at_the_root_and_no_other(with_settings):
    found = with_settings.open("/MP_verify_AbC123.txt")

    assert (found.status, found.html) == (200, "AbC123")
    assert found.headers["Content-Type"].startswith("text/plain")
    assert with_settings.open("/MP_verify_Other.txt").status == 404
    assert with_settings.open("/robots.txt").status == 404
