// 扫一扫: a picture from the album, or one of the posters that the sandbox knows.

import { get, post, texts, upload } from "./api.js";
import { byId, el, fill, toast } from "./dom.js";
import { near } from "./time.js";

export class Scanner {
  /** `open(url, title)` opens the browser, `profile(code)` the account's page, `sent()` the chat. */
  constructor({ sheets, who, open, profile, sent }) {
    Object.assign(this, { sheets, who, open, profile, sent });
    this.said = byId("scan-said");
    this.file = byId("scan-file");
    this.shown = "";
    this.file.addEventListener("change", () => this.readPicture());
    byId("poster-search").addEventListener("input", () => this.refresh());
  }

  show() {
    this.said.replaceChildren();
    this.refresh();
    this.sheets.open(byId("scan-sheet"));
  }

  async readPicture() {
    const [file] = this.file.files;
    this.file.value = ""; // so that the same picture can be chosen again
    if (!file) return;
    this.said.textContent = texts.page.reading;
    try {
      const { codes } = await upload("/scan/picture", file);
      if (codes.length === 1) await this.scan(codes[0]);
      else this.choose(codes);
    } catch (refusal) {
      this.said.textContent = refusal.message;
    }
  }

  choose(codes) {
    const rows = codes.map((code) =>
      el("li", {}, el("button", { type: "button", class: "poster", onclick: () => this.scan(code) }, code)));
    this.said.replaceChildren(texts.page.many_codes, el("ul", { class: "posters" }, ...rows));
  }

  async scan(code, title = "") {
    try {
      const scan = await post("/scan", { resident: this.who(), code });
      if (scan.result === "text") {
        this.said.textContent = texts.page.code_text + scan.content;
        return;
      }
      this.sheets.close();
      if (scan.result === "page") this.open(scan.content, title);
      else if (scan.result === "profile") this.profile(code);
      else this.sent();
    } catch (refusal) {
      if (byId("scan-sheet").hidden) toast(refusal.message);
      else this.said.textContent = refusal.message;
    }
  }

  /** Both lists, from one answer. */
  async refresh() {
    const { posters } = await get("/posters", { q: byId("poster-search").value });
    const shape = JSON.stringify(posters);
    if (shape === this.shown) return; // drawn anew, every picture would be asked for again
    this.shown = shape;
    const now = this.now?.() ?? Date.now() / 1000;
    for (const id of ["panel-posters", "sheet-posters"]) {
      const rows = posters.map((poster) => el("li", {}, this.row(poster, now)));
      const none = el("li", { class: "poster-none soft" }, texts.page.no_posters);
      byId(id).replaceChildren(...(rows.length ? rows : [none]));
    }
  }

  row(poster, now) {
    return el(
      "button",
      {
        type: "button",
        class: "poster",
        "aria-disabled": poster.is_expired ? "true" : null,
        onclick: () => this.scan(poster.content, poster.kind === "address" ? poster.title : ""),
      },
      el("img", { src: poster.picture, alt: fill(texts.page.picture_of, { title: poster.title }), loading: "lazy", width: 44, height: 44 }),
      el("span", { class: "poster-words" }, el("span", { class: "one-line" }, poster.title), el("span", { class: "soft" }, lifetime(poster, now))),
    );
  }
}

function lifetime(poster, now) {
  if (poster.kind === "address") return texts.page.plain_code;
  if (poster.is_expired) return texts.page.expired;
  if (poster.expires_at === null) return texts.page.permanent;
  return fill(texts.page.expires, { time: near(poster.expires_at, now) });
}
