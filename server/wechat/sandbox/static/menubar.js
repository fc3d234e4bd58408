// The bar under the chat: the account's menu, or the keyboard.

import { post, texts } from "./api.js";
import { byId, el, icon, toast } from "./dom.js";

export class MenuBar {
  /** `send(words)` sends a message, `open(url, title)` opens the browser, `who()` names the resident. */
  constructor({ send, open, who }) {
    this.nav = byId("menu");
    this.form = byId("write");
    this.words = byId("words");
    this.button = byId("send");
    this.toggle = byId("composer-toggle");
    this.open = open;
    this.who = who;
    this.shown = undefined;
    this.toggle.addEventListener("click", () => this.show(this.nav.hidden ? "menu" : "keyboard", true));
    this.words.addEventListener("input", () => this.fit());
    this.words.addEventListener("keydown", (event) => {
      // Enter sends, as on a phone's keyboard; not while an input method is still composing.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = this.words.value.trim();
      if (!said) return;
      this.words.value = "";
      this.fit();
      this.words.focus();
      send(said);
    });
    document.addEventListener("click", (event) => { if (!this.nav.contains(event.target)) this.closeAll(); });
    this.nav.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.nav.querySelector('[aria-expanded="true"]')?.focus();
      this.closeAll();
    });
  }

  fit() {
    this.words.style.height = "44px";
    this.words.style.height = `${Math.min(this.words.scrollHeight + 2, 132)}px`;
    this.button.disabled = !this.words.value.trim();
  }

  show(mode, byHand = false) {
    const isMenu = mode === "menu";
    this.nav.hidden = !isMenu;
    this.form.hidden = isMenu;
    this.toggle.replaceChildren(icon(isMenu ? "keyboard" : "list"));
    this.toggle.setAttribute("aria-label", isMenu ? texts.page.to_keyboard : texts.page.to_menu);
    if (byHand && !isMenu) this.words.focus();
  }

  /** The live menu, drawn anew only when it changed: an open sub-menu must not vanish under the thumb. */
  update(menu) {
    const shape = JSON.stringify(menu);
    if (shape === this.shown) return;
    const isFirst = this.shown === undefined;
    this.shown = shape;
    if (!menu) this.nav.replaceChildren(el("span", { class: "menu-empty soft" }, texts.page.no_menu));
    else this.nav.replaceChildren(...menu.map((button) => this.item(button)));
    if (isFirst || menu) this.show(menu ? "menu" : "keyboard");
  }

  item(button) {
    if (!button.sub_button.length) {
      const tap = () => { this.closeAll(); this.tap(button); };
      return el("div", { class: "menu-item" }, el("button", { type: "button", class: "menu-top", onclick: tap }, button.name));
    }
    const leaves = button.sub_button.map((leaf) =>
      el("li", {}, el("button", { type: "button", onclick: () => { this.closeAll(); this.tap(leaf); } }, leaf.name)));
    const list = el("ul", { class: "sub-menu", hidden: true }, ...leaves);
    const top = el("button", { type: "button", class: "menu-top", "aria-expanded": "false" }, icon("list"), button.name);
    top.addEventListener("click", () => {
      const willOpen = list.hidden;
      this.closeAll();
      list.hidden = !willOpen;
      top.setAttribute("aria-expanded", String(willOpen));
    });
    return el("div", { class: "menu-item" }, list, top);
  }

  closeAll() {
    for (const list of this.nav.querySelectorAll(".sub-menu")) list.hidden = true;
    for (const top of this.nav.querySelectorAll("[aria-expanded]")) top.setAttribute("aria-expanded", "false");
  }

  tap(button) {
    const say = (refusal) => toast(refusal.message);
    if (button.type === "click") post("/click", { resident: this.who(), key: button.key }).catch(say);
    else if (button.type === "view") {
      // The page opens at once; that the account learns of it is none of the reader's waiting.
      this.open(button.url, button.name);
      post("/view", { resident: this.who(), url: button.url }).catch(say);
    } else if (button.type === "miniprogram") this.open(button.url, button.name);
    else toast(texts.page.foreign_button);
  }
}
