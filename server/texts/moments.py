"""Instants and lengths of time as people say them: 今天 20:00, 明天 8:30, 2 小时 5 分钟."""

from datetime import date, datetime, timedelta

from server.clock import local
from server.texts import text


def say_when(instant: datetime, now: datetime) -> str:
    """A coming or recent instant in Shanghai time; today and tomorrow by their names."""
    there, here = local(instant), local(now)
    time = there.strftime("%H:%M")
    if there.date() == here.date():
        return text("when.today", time=time)
    if there.date() == here.date() + timedelta(days=1):
        return text("when.tomorrow", time=time)
    weekday = text(f"when.weekday_{there.weekday()}")
    if there < here and there.year != here.year:
        return text("when.date_of_year", year=there.year, month=there.month, day=there.day, weekday=weekday, time=time)
    return text("when.date", month=there.month, day=there.day, weekday=weekday, time=time)


def say_day(day: date, now: datetime) -> str:
    """A calendar day; with its year where that is not this one."""
    weekday = text(f"when.weekday_{day.weekday()}")
    if day.year == local(now).year:
        return text("when.day", month=day.month, day=day.day, weekday=weekday)
    return text("when.day_of_year", year=day.year, month=day.month, day=day.day, weekday=weekday)


def say_length(length: timedelta) -> str:
    """How long something has waited, in the two largest units."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return text("when.now")
    if minutes < 60:
        return text("when.minutes", n=minutes)
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return text("when.hours_minutes", h=hours, n=rest) if rest else text("when.hours", n=hours)
    return text("when.days", n=hours // 24)
