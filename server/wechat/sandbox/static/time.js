// Times as the phone writes them: in Beijing, by the sandbox's clock, whatever the developer's machine thinks.

import { texts } from "./api.js";
import { fill } from "./dom.js";

const formatter = (options) => new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", hourCycle: "h23", ...options });
const HOUR = formatter({ hour: "2-digit", minute: "2-digit" });
const SECOND = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = formatter({ month: "long", day: "numeric" });
const WEEKDAY = formatter({ weekday: "short" });

const date = (seconds) => new Date(seconds * 1000);
export const hour = (at) => HOUR.format(date(at));
export const second = (at) => SECOND.format(date(at));
export const whole = (at) => `${DAY.format(date(at))} ${WEEKDAY.format(date(at))} ${second(at)}`;

/** 14:05, 昨天 14:05, 11月21日 14:05. */
export function near(at, now) {
  const day = DAY.format(date(at));
  if (day === DAY.format(date(now))) return hour(at);
  if (day === DAY.format(date(now - 86400))) return `${texts.page.yesterday} ${hour(at)}`;
  return `${day} ${hour(at)}`;
}

/** 2 天 3 小时: the two largest parts, since nobody sets this clock by seconds. */
export function span(seconds) {
  const parts = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];
  let left = Math.round(Math.abs(seconds));
  const said = [];
  for (const [name, size] of parts) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) said.push(fill(texts.page.spans[name], { count }));
  }
  return said.slice(0, 2).join(" ");
}
