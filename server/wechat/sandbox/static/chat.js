// The chat's log: what the server knows, and beneath it what was typed and has not reached it yet.

import { post, texts } from "./api.js";
import { accountAvatar, byId, el, icon, personAvatar } from "./dom.js";
import { near } from "./time.js";

const GAP_BEFORE_TIME = 300;
const NEAR_BOTTOM = 80;
const LINK = /<a\b[^>]*?\bhref\s*=\s*(["'])(.*?)\1[^>]*>([\s\S]*?)<\/a>|https?:\/\/[^\s<>"'，。；：！？、（）《》【】]+/gi;

export class Chat {
  /** `open(url, title)` opens the browser; `heard(entry)` hears of each line. */
  constructor({ open, heard }) {
    this.log = byId("log");
    this.newer = byId("newer");
    this.open = open;
    this.heard = heard;
    this.newer.textContent = texts.page.new_messages;
    this.newer.addEventListener("click", () => this.toBottom());
    this.log.addEventListener("scroll", () => { if (this.isAtBottom()) this.newer.hidden = true; });
    this.clear(null);
  }

  clear(resident) {
    this.resident = resident;
    this.last = 0;
    this.lastAt = 0;
    this.pending = new Map();
    this.log.replaceChildren();
    this.newer.hidden = true;
  }

  isAtBottom() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_BOTTOM;
  }

  toBottom() {
    this.log.scrollTop = this.log.scrollHeight;
    this.newer.hidden = true;
  }

  /** Append what is new. The reader's place stays, unless they were at the end. */
  add(entries, now) {
    const fresh = entries.filter((entry) => entry.id > this.last);
    if (!fresh.length) return;
    const wasAtBottom = this.isAtBottom();
    const isFirstFill = this.last === 0;
    for (const entry of fresh) this.append(entry, now);
    if (wasAtBottom || isFirstFill) this.toBottom();
    else if (fresh.some((entry) => entry.sender === "account")) this.newer.hidden = false;
  }

  append(entry, now) {
    this.last = entry.id;
    this.heard(entry);
    if (entry.at - this.lastAt > GAP_BEFORE_TIME || entry.at < this.lastAt) {
      this.insert(el("p", { class: "time" }, near(entry.at, now)));
    }
    this.lastAt = entry.at;
    if (entry.client_ref && this.pending.has(entry.client_ref)) {
      this.pending.get(entry.client_ref).remove();
      this.pending.delete(entry.client_ref);
    }
    this.insert(this.render(entry));
  }

  /** Before what is still on its way. */
  insert(node) {
    const first = this.pending.values().next().value;
    this.log.insertBefore(node, first ?? null);
  }

  render(entry) {
    if (entry.sender === "notice") return el("p", { class: "notice" }, entry.text);
    if (entry.sender === "resident") return this.own(entry.text);
    const body = entry.kind === "news" ? this.news(entry.articles) : this.bubble(entry.text, true);
    return el("div", { class: "line" }, accountAvatar(), body);
  }

  own(content, state = null) {
    return el("div", { class: "line own" }, personAvatar(this.resident), this.bubble(content, false), state);
  }

  bubble(content, mayHoldAnchors) {
    const bubble = el("div", { class: "bubble" });
    let place = 0;
    for (const found of content.matchAll(LINK)) {
      const isAnchor = found[2] !== undefined;
      if (isAnchor && !mayHoldAnchors) continue;
      bubble.append(content.slice(place, found.index));
      bubble.append(this.link(isAnchor ? found[2] : found[0], isAnchor ? found[3] : found[0]));
      place = found.index + found[0].length;
    }
    bubble.append(content.slice(place));
    return bubble;
  }

  link(url, words) {
    if (!/^https?:\/\//i.test(url)) {
      // A number to call works as it is; whatever else an address might be stays words.
      return /^tel:[\d+-]+$/.test(url) ? el("a", { href: url }, words) : document.createTextNode(words);
    }
    const click = (event) => { event.preventDefault(); this.open(url, ""); };
    return el("a", { href: url, rel: "noreferrer", onclick: click }, words);
  }

  news(articles) {
    const isSingle = articles.length === 1;
    const rows = articles.map((article) => {
      const picture = article.picture_url
        ? el("img", {
            src: `/phone/picture?${new URLSearchParams({ url: article.picture_url })}`,
            alt: "",
            loading: "lazy",
            onerror: (event) => event.target.remove(),
          })
        : null;
      return el(
        "button",
        { type: "button", class: "article", onclick: () => this.open(article.url, article.title) },
        isSingle ? null : picture,
        el("span", { class: "article-title" }, article.title),
        isSingle ? picture : null,
        isSingle && article.description ? el("span", { class: "soft" }, article.description) : null,
        isSingle && article.url ? el("span", { class: "article-more" }, texts.page.read_more) : null,
      );
    });
    return el("div", { class: isSingle ? "card-news" : "card-news several" }, ...rows);
  }

  /** Show at once, send, and tell whether it went. */
  async send(content) {
    const ref = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const resident = this.resident;
    const line = this.own(content, el("span", { class: "state", role: "img", "aria-label": texts.page.sending }));
    line.classList.add("is-pending");
    this.pending.set(ref, line);
    this.log.append(line);
    this.toBottom();
    try {
      const { entry } = await post("/text", { resident: resident.id, content, client_ref: ref });
      return entry;
    } catch (refusal) {
      if (this.pending.has(ref)) this.markFailed(ref, line, content);
      throw refusal;
    }
  }

  markFailed(ref, line, content) {
    const again = () => {
      this.pending.delete(ref);
      line.remove();
      this.send(content).catch(() => {});
    };
    line.classList.remove("is-pending");
    line.querySelector(".state").replaceWith(
      el("button", { type: "button", class: "state", "aria-label": texts.page.failed, title: texts.page.failed, onclick: again }, icon("retry")),
    );
  }
}

/** One line for the list of conversations. */
export function summary(entry) {
  if (entry.kind === "news") return `[${entry.articles[0]?.title ?? ""}]`;
  return entry.text.replace(/<a\b[^>]*>([\s\S]*?)<\/a>/gi, "$1").replace(/\s+/g, " ");
}

