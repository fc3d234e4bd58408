"""What a finding says beside its grade."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from server.risk.grades import Grade
from server.risk.service import Evidence


def places(finding, text):
    return {text[evidence.start : evidence.end] for evidence in finding.evidence}


def test_grades_are_ordered_and_the_upper_two_ring():
    assert sorted(Grade, key=lambda grade: grade.rank) == [Grade.NONE, Grade.GENERAL, Grade.SERIOUS, Grade.HIGH]
    assert [grade for grade in Grade if grade.rings] == [Grade.SERIOUS, Grade.HIGH]


def test_evidence_points_at_the_words_as_they_were_sent(scanner):
    text = "测评做完了，我还是不 想\u200b 活。"
    [evidence] = scanner.scan(text).evidence

    assert text[evidence.start : evidence.end] == "不 想\u200b 活"
    assert evidence == Evidence(slot="wish", rule="wish/wish-not-live", start=evidence.start, end=evidence.end)


def test_evidence_of_a_sound_alike_covers_all_its_letters(scanner):
    text = "真的好累，s i 了算了"
    assert "s i 了算了" not in places(scanner.scan(text), text)  # two letters apart are no word
    text = "真的好累，si 了算了"
    assert places(scanner.scan(text), text) == {"si 了算了"}


def test_each_half_of_a_combination_is_shown(scanner):
    text = "手机我放在河边了，鞋子也摆整齐了"
    finding = scanner.scan(text)

    assert finding.grade is Grade.HIGH
    assert {evidence.slot for evidence in finding.evidence} >= {"scene", "scene_weak"}
    assert all(evidence.rule.startswith("scene-and-shoes/") for evidence in finding.evidence)


def test_a_flood_of_repetitions_does_not_become_a_flood_of_evidence(scanner):
    finding = scanner.scan("我不想活了。" * 1_000)
    assert finding.grade is Grade.SERIOUS
    assert 0 < len(finding.evidence) < 50


def test_the_same_text_gives_the_same_finding_on_any_thread(scanner):
    texts = ["我不想活了，药攒够了", "你好，几点开门", "笑死我了", "爸爸用皮带打我"] * 50
    expected = [scanner.scan(text) for text in texts]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(scanner.scan, texts)) == expected


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("我没有想自杀", Grade.NONE),
        ("我没有不想死", Grade.SERIOUS),
        ("怎么可能 不想死", Grade.SERIOUS),
        ("不是 想死", Grade.SERIOUS),
        ("不得不说，真的想死", Grade.SERIOUS),
        ("我不是想死，我只是再也不想醒过来", Grade.SERIOUS),
    ],
)
def test_a_denial_covers_its_own_clause_and_two_of_them_make_a_yes(scanner, text, grade):
    assert scanner.scan(text).grade is grade


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("我去年想过自杀", Grade.GENERAL),
        ("我从去年开始就想自杀", Grade.SERIOUS),
        ("去年我爸走了我想死", Grade.SERIOUS),
        ("我以前想自杀，现在也想自杀", Grade.SERIOUS),
    ],
)
def test_only_what_is_past_and_stays_past_is_history(scanner, text, grade):
    assert scanner.scan(text).grade is grade


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("小说里的女主说她不想活了", Grade.NONE),
        ("这句歌词“我不想活了”是谁写的", Grade.NONE),
        ("电影里的人都有人爱，我却不想活了", Grade.SERIOUS),
        ("看小说里的人都过得好我却不想活了", Grade.SERIOUS),
    ],
)
def test_a_story_does_not_speak_for_its_reader(scanner, text, grade):
    assert scanner.scan(text).grade is grade


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("如果别人想自杀，我们该怎么劝", Grade.NONE),
        ("如果我想自杀，该找谁", Grade.SERIOUS),
        ("别人都好好的，我想自杀", Grade.SERIOUS),
    ],
)
def test_what_is_supposed_of_people_in_general_is_a_question(scanner, text, grade):
    assert scanner.scan(text).grade is grade


@pytest.mark.parametrize(("text", "grade"), [("我想zs", Grade.SERIOUS), ("我想zsh怎么装", Grade.NONE)])
def test_a_latin_short_form_is_not_found_inside_a_longer_word(scanner, text, grade):
    assert scanner.scan(text).grade is grade


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("超市跳楼价", Grade.NONE),
        ("超市跳楼价，可是我想跳楼", Grade.SERIOUS),
        ("笑死我了不想活了", Grade.SERIOUS),
        ("想死你了", Grade.NONE),
        ("我想死你们别管我", Grade.HIGH),
        ("我想死 你们了解我吗", Grade.SERIOUS),
    ],
)
def test_a_harmless_phrase_hides_nothing_but_itself(scanner, text, grade):
    assert scanner.scan(text).grade is grade


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("爸爸用皮带抽我", True),
        ("我今年十四岁，被老师摸了下面", True),
        ("老公又打我了", False),
        ("我不想活了", False),
        ("爸爸给我买了皮带", False),
    ],
)
def test_the_report_flag_is_about_harm_to_minors(scanner, text, report):
    assert scanner.scan(text).report is report
