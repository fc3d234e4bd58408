"""Steps that the browser tests share: what a thumb does."""

from playwright.sync_api import FrameLocator, Page

from tests.browser.conftest import settle

Where = Page | FrameLocator


def begin(where: Where, age: str = "age_18_59") -> None:
    where.locator(f"input[name=age][value={age}]").check()
    where.locator("input[name=consent]").check()
    where.locator("button.main-button").click()


def answer(where: Where, number: int, choice: int) -> None:
    """Answer question `number` (1 …) with the option at `choice` (0 …), once its page is there."""
    where.get_by_text(f"第 {number} 题，共").wait_for()
    settle()
    where.locator("button.option").nth(choice).click()


def answer_all(where: Where, choices: list[int], start: int = 1) -> None:
    for number, choice in enumerate(choices, start=start):
        answer(where, number, choice)
