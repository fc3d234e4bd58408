// The authenticator of the trial's colleagues: each code with the seconds that it still lasts.

import { get, texts } from "./api.js";
import { byId, el, fill } from "./dom.js";

const SECOND_MS = 1000;

export class Authenticator {
  constructor() {
    this.endsAt = 0;
    setInterval(() => { if (!document.hidden) this.tick(); }, SECOND_MS);
    this.tick();
  }

  async tick() {
    if (Date.now() >= this.endsAt) await this.refresh();
    const left = Math.max(0, Math.ceil((this.endsAt - Date.now()) / SECOND_MS));
    byId("codes-left").textContent = fill(texts.page.code_lasts, { count: left });
    byId("codes-bar").value = left;
  }

  async refresh() {
    try {
      const { accounts, seconds_left: left } = await get("/authenticator");
      this.endsAt = Date.now() + left * SECOND_MS;
      this.show(accounts);
    } catch {
      this.endsAt = Date.now() + SECOND_MS; // the phone itself says that the sandbox is gone
    }
  }

  show(accounts) {
    byId("authenticator").hidden = accounts.length === 0;
    byId("codes").replaceChildren(...accounts.map((one) => el(
      "li",
      { class: "one-code" },
      el("span", { class: "one-code-words" }, one.name, el("span", { class: "soft" }, one.login_name)),
      el("output", {}, `${one.code.slice(0, 3)} ${one.code.slice(3)}`),
    )));
  }
}
