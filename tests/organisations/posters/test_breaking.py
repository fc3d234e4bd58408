"""A long name takes two lines, and they read well."""

from dataclasses import replace

import pytest

from server.organisations.posters import lay_out
from tests.organisations.posters.samples import POSTER


def rows_of(place: str) -> list[str]:
    return [line.text for line in lay_out(replace(POSTER, place=place)).lines[1:3]]


def test_a_space_in_a_name_says_where_to_break_it():
    assert rows_of("青山湖街道 幸福里社区党群服务中心") == ["青山湖街道", "幸福里社区党群服务中心"]


@pytest.mark.parametrize(
    ("place", "rows"),
    [
        # The evener halves would begin with the comma, end with the bracket, cut the word and the number.
        ("青山湖畔幸福里东岸、西岸心桥驿站东门旁", ["青山湖畔幸福里东岸、", "西岸心桥驿站东门旁"]),
        (
            "青山湖镇幸福里社区党群服务中心（二层心理健康服务站东门便民大厅）",
            ["青山湖镇幸福里社区党群服务中心", "（二层心理健康服务站东门便民大厅）"],
        ),
        ("幸福里湖畔花园Wellness驿站心桥东门旁", ["幸福里湖畔花园", "Wellness驿站心桥东门旁"]),
        ("幸福里湖畔花园12345678驿站心桥东门", ["幸福里湖畔花园", "12345678驿站心桥东门"]),
    ],
)
def test_a_name_is_not_broken_against_punctuation_nor_within_a_latin_word_or_number(place, rows):
    assert rows_of(place) == rows


@pytest.mark.parametrize(
    "rows",
    [
        ["青山湖街道幸福里社区", "卫生服务中心"],
        ["青山区实验学校东校区", "学生心理辅导中心"],
        ["青山湖镇塱口村居委会", "党群服务中心"],
        ["青山湖镇塱口村", "村民委员会心理咨询室"],
        ["青山区人民医院", "精神心理科门诊候诊大厅"],
    ],
)
def test_a_name_is_broken_after_that_of_a_unit_though_the_halves_be_less_even(rows):
    assert rows_of("".join(rows)) == rows


@pytest.mark.parametrize(
    "rows",
    [
        ["青山湖街道", "幸福里社工服务站心理咨询室"],  # not after the first half of "social worker"
        ["青山区", "社会心理服务指导中心三楼接待室"],  # nor within "social psychology"
        ["幸福里党群服务中心", "心理健康活动大厅"],
        ["幸福里湖畔东花园", "心理驿站便民大厅一层"],  # the even halves would split "psychology"
    ],
)
def test_a_name_is_not_broken_within_a_frequent_word(rows):
    assert rows_of("".join(rows)) == rows


def test_the_name_of_a_unit_costs_no_size():
    place = "青山区湖畔东岸幸福里花园产业工人关爱驿站三号楼东门旁"
    first, second = rows_of(place)
    assert first + second == place
    assert max(len(first), len(second)) == (len(place) + 1) // 2


def test_what_stands_in_no_table_is_still_broken_evenly():
    assert rows_of("幸福里湖畔东岸花园三号楼产业工人驿站") == ["幸福里湖畔东岸花园", "三号楼产业工人驿站"]
