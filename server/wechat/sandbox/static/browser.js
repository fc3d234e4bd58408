// WeChat's browser: one frame at a time, with × and … above it.

import { texts } from "./api.js";
import { byId, el } from "./dom.js";

export class Browser {
  /** Only `origin`, the H5 site, may be framed; the page's own policy refuses anything else. */
  constructor({ origin, sheets }) {
    this.origin = origin;
    this.sheets = sheets;
    this.page = byId("browser");
    this.body = byId("browser-body");
    this.back = byId("browser-back");
    byId("browser-close").addEventListener("click", () => this.close());
    byId("browser-more").addEventListener("click", () => sheets.open(byId("browser-sheet")));
    byId("browser-reload").addEventListener("click", () => { sheets.close(); this.load(); });
    byId("browser-outside").addEventListener("click", () => sheets.close());
    this.back.addEventListener("click", () => {
      this.steps -= 2; // the load that follows counts one again
      history.back();
    });
  }

  open(url, title) {
    if (!/^https?:\/\//i.test(url ?? "")) return;
    this.url = url;
    this.opener = document.activeElement;
    byId("browser-title").textContent = title || texts.page.web_page;
    byId("browser-host").textContent = new URL(url).host;
    byId("browser-outside").href = url;
    this.page.hidden = false;
    this.load();
    byId("browser-close").focus({ preventScroll: true });
  }

  load() {
    this.steps = 0;
    this.back.hidden = true;
    if (new URL(this.url).origin !== this.origin) {
      const link = el("a", { href: this.url, target: "_blank", rel: "noopener noreferrer" }, this.url);
      this.body.replaceChildren(el("div", { class: "outside" }, el("p", {}, texts.page.outside), link));
      return;
    }
    // A new frame each time: its first page must not become a step of the one before it.
    const frame = el("iframe", { title: byId("browser-title").textContent, src: this.url });
    frame.addEventListener("load", () => {
      this.steps += 1;
      this.back.hidden = this.steps < 2;
    });
    this.body.replaceChildren(frame);
  }

  close() {
    if (this.page.hidden) return;
    this.page.hidden = true;
    this.body.replaceChildren();
    this.opener?.focus?.({ preventScroll: true });
  }

  get isOpen() {
    return !this.page.hidden;
  }
}

/** Sheets from below: one at a time, the rest of the screen out of reach meanwhile. */
export class Sheets {
  constructor() {
    this.veil = byId("veil");
    this.veil.addEventListener("click", () => this.close());
    byId("screen").addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
  }

  open(sheet) {
    this.close();
    this.opener = document.activeElement;
    this.current = sheet;
    sheet.hidden = false;
    this.veil.hidden = false;
    this.behind = [...document.querySelectorAll("#screen > .page")];
    for (const page of this.behind) page.inert = true;
    (sheet.querySelector("[tabindex='-1']") ?? sheet.querySelector("button, a")).focus({ preventScroll: true });
  }

  close() {
    if (!this.current) return;
    this.current.hidden = true;
    this.veil.hidden = true;
    this.current = null;
    for (const page of this.behind) page.inert = false;
    this.opener?.focus?.({ preventScroll: true });
  }
}

