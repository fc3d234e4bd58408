"""A manager with a mouse: a sheet with bad rows, the same sheet corrected, and the list taken out again."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from server.organisations.imports import service_point_columns
from tests.browser.conftest import Stack, shoot, sign_in
from tests.sheets.files import cells, xlsx

pytestmark = pytest.mark.browser
HEAD = [column.header for column in service_point_columns()]
POINT = ["S01", "新庄心理服务站", "新庄路 1 号", 2088888888, "周一至周五 9:00-17:00", "社区", "是", "否", "是"]
BAD = ["S99-9", "没有的站", "路 2 号", "没有", "9:00-17:00", "社区", "是", "否", "是"]


def upload(desk: Page, content: bytes) -> None:
    desk.set_input_files("input[type=file]", {"name": "表.xlsx", "mimeType": "", "buffer": content})
    desk.get_by_role("button", name="上传并预览").click()


def downloaded(desk: Page, name: str) -> tuple[str, bytes]:
    with desk.expect_download() as waiting:
        desk.get_by_text(name, exact=True).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_bad_rows_come_back_as_a_sheet_and_the_corrected_one_goes_in(desk: Page, stack: Stack) -> None:
    sign_in(desk, stack, "manager")
    desk.goto(f"{stack.web}/console/imports/service_points")
    shoot(desk, "import-start")
    name, template = downloaded(desk, "下载模板")
    assert name == "服务点模板.xlsx"
    assert cells(template)[0] == HEAD
    upload(desk, xlsx(HEAD, POINT, BAD))
    expect(desk.locator("ul.faults")).to_contain_text("第 3 行「电话」")
    expect(desk.locator("ul.faults")).to_contain_text("没有找到这个单位编号")
    shoot(desk, "import-faults")
    name, sheet = downloaded(desk, "下载带原因的表格")
    assert name == "服务点-需要修改.xlsx"
    rows = cells(sheet)
    assert rows[0][-1] == "需要修改的原因"
    assert rows[1][-1] is None
    assert "电话号码没有看懂" in rows[2][-1]
    desk.get_by_text("换一个文件").click()
    upload(desk, xlsx(HEAD, POINT))
    expect(desk.locator("ul.changes")).to_contain_text("新庄心理服务站")
    shoot(desk, "import-preview")
    desk.get_by_role("button", name="导入这 1 行").click()
    expect(desk.get_by_role("alert")).to_contain_text("已经导入")
    expect(desk.locator("main")).to_contain_text("没有要改的")


def test_a_list_is_taken_out_with_a_purpose(desk: Page, stack: Stack) -> None:
    sign_in(desk, stack, "manager")
    desk.goto(f"{stack.web}/console/exports")
    shoot(desk, "export-form")
    desk.get_by_label("入口码和使用人次").check()
    desk.get_by_label("上报报表").check()
    desk.get_by_label("用途说明").fill("季度报表")
    desk.get_by_role("button", name="申请导出").click()
    expect(desk.locator("main")).to_contain_text("还可以下载 3 次")
    shoot(desk, "export-ready")
    name, sheet = downloaded(desk, "下载 Excel")
    assert name.startswith("入口码和使用人次-20")
    rows = cells(sheet)
    assert "区管理员戊" in rows[0][0]
    assert "季度报表" in rows[0][0]
    assert len(rows) == 2 + 6
    assert set(rows[2][6:]) <= {"＜5"}
    desk.reload()
    expect(desk.locator("main")).to_contain_text("还可以下载 2 次")
