// The controls beside the phone: people, the clock, faults, the log of pushes.

import { get, post, remove, texts } from "./api.js";
import { byId, el, fill, toast } from "./dom.js";
import { second, span, whole } from "./time.js";

const PATHS = [
  "*",
  "/cgi-bin/stable_token",
  "/cgi-bin/token",
  "/cgi-bin/message/custom/send",
  "/cgi-bin/menu/create",
  "/cgi-bin/qrcode/create",
  "/cgi-bin/user/info",
  "/cgi-bin/getcallbackip",
];

const say = (refusal) => toast(refusal.message);

export class Panel {
  /** `choose(id)` changes who holds the phone; `changed()` asks for the phone's view now. */
  constructor({ choose, changed }) {
    this.changed = changed;
    this.names = new Map();
    byId("people").addEventListener("change", (event) => choose(event.target.value));
    byId("clock-buttons").addEventListener("click", (event) => {
      const seconds = event.target.dataset.advance;
      if (seconds === undefined) return;
      this.act(post("/clock", seconds === "0" ? { offset_seconds: 0 } : { advance_seconds: Number(seconds) }));
    });
    this.prepareFaults();
  }

  async act(promise) {
    try {
      await promise;
      this.changed();
    } catch (refusal) {
      say(refusal);
    }
  }

  mark(id) {
    byId("people").querySelector(`input[value="${CSS.escape(id)}"]`)?.setAttribute("checked", "");
    for (const input of byId("people").querySelectorAll("input")) input.checked = input.value === id;
  }

  showClock({ now, offset_seconds: offset }) {
    byId("clock").textContent = whole(now);
    const sentence = Math.abs(offset) < 1 ? texts.page.clock_real : offset > 0 ? texts.page.clock_ahead : texts.page.clock_behind;
    byId("clock-offset").textContent = fill(sentence, { span: span(offset) });
  }

  /** Everything that changes seldom, read when the sandbox says that something did. */
  async refresh() {
    const [{ residents }, { faults }, { pushes }] = await Promise.all([get("/residents"), get("/faults"), get("/pushes", { limit: 30 })]);
    this.showPeople(residents);
    this.showFaults(faults);
    this.showPushes(pushes);
  }

  showPeople(residents) {
    this.names = new Map(residents.map((one) => [one.openid, one.name]));
    for (const one of residents) {
      const input = byId("people").querySelector(`input[value="${CSS.escape(one.id)}"]`);
      const label = input ? input.closest("label") : this.addPerson(one);
      let badge = label.querySelector(".is-following");
      if (one.is_follower && !badge) {
        badge = el("span", { class: "is-following" }, texts.page.following);
        label.append(badge);
      } else if (!one.is_follower) badge?.remove();
    }
  }

  addPerson(one) {
    const label = el(
      "label",
      { class: "person" },
      el("input", { type: "radio", name: "resident", value: one.id }),
      el("span", { class: `avatar tint-${one.tint}`, "aria-hidden": "true" }, one.name.slice(0, 1)),
      el(
        "span",
        { class: "person-words" },
        el("span", { class: "person-name" }, `${one.name} `, el("small", {}, fill(texts.page.years, { age: one.age }))),
        el("span", { class: "soft" }, one.about),
      ),
    );
    byId("people").append(label);
    return label;
  }

  prepareFaults() {
    const form = byId("fault-form");
    const kind = byId("fault-kind");
    for (const [value, label] of Object.entries(texts.page.fault_kinds)) kind.append(el("option", { value }, label));
    const fit = () => {
      const isPush = kind.value.startsWith("push_");
      const places = isPush ? [["*", texts.page.everywhere], ...Object.entries(texts.page.pushes)] : PATHS.map((path) => [path, path === "*" ? texts.page.everywhere : path]);
      byId("fault-path").replaceChildren(...places.map(([value, label]) => el("option", { value }, label)));
      for (const label of form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(kind.value);
    };
    kind.addEventListener("change", fit);
    fit();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const asked = new FormData(form);
      const body = { kind: asked.get("kind"), path: asked.get("path"), count: Number(asked.get("count")) };
      for (const label of form.querySelectorAll("[data-for]:not([hidden])")) {
        const input = label.querySelector("input");
        body[input.name] = Number(input.value);
      }
      this.act(post("/faults", body));
    });
  }

  showFaults(faults) {
    const rows = faults.map((fault) => {
      const place = fault.path === "*" ? texts.page.everywhere : texts.page.pushes[fault.path] ?? fault.path;
      const left = fault.left === null ? texts.page.left_always : fill(texts.page.left_times, { count: fault.left });
      const what = fault.kind === "errcode" ? `${texts.page.fault_kinds.errcode} ${fault.errcode}` : texts.page.fault_kinds[fault.kind];
      return el(
        "li",
        { class: "fault" },
        el("span", { class: "fault-words" }, what, el("span", { class: "soft" }, `${place} · ${left}`)),
        el("button", { type: "button", class: "button", onclick: () => this.act(remove(`/faults/${fault.id}`)) }, texts.page.remove),
      );
    });
    byId("faults").replaceChildren(...(rows.length ? rows : [el("li", { class: "soft" }, texts.page.no_faults)]));
  }

  showPushes(pushes) {
    const open = new Set([...document.querySelectorAll(".push[open]")].map((one) => one.dataset.id));
    const rows = pushes.map((push) => {
      const row = el("li", {}, this.push(push));
      row.firstChild.open = open.has(String(push.id));
      return row;
    });
    const focused = document.activeElement?.closest?.(".push")?.dataset.id;
    byId("pushes").replaceChildren(...(rows.length ? rows : [el("li", { class: "soft" }, texts.page.no_pushes)]));
    if (focused) byId("pushes").querySelector(`.push[data-id="${focused}"] > summary`)?.focus({ preventScroll: true });
  }

  push(push) {
    const what = texts.page.pushes[push.name] ?? push.name;
    const who = this.names.get(push.openid) ?? "";
    const details = [el("pre", { tabindex: "0" }, push.body)];
    for (const one of push.attempts) {
      const said = [verdict(one.verdict), el("span", {}, `${one.seconds} s`), one.status ? el("span", {}, `HTTP ${one.status}`) : null, one.detail ? el("span", {}, one.detail) : null];
      details.push(el("p", { class: "attempt" }, ...said));
      if (one.body) details.push(el("pre", { tabindex: "0" }, one.body));
    }
    if (push.reply?.dropped) details.push(el("p", { class: "attempt" }, fill(texts.page.shortened, { count: push.reply.dropped })));
    const repeated = push.attempts.length > 1 ? ` · ${fill(texts.page.deliveries, { count: push.attempts.length })}` : "";
    return el(
      "details",
      { class: "push", "data-id": String(push.id) },
      el("summary", {}, el("time", {}, second(push.real_at)), el("span", {}, `${who} ${what}${repeated}`), verdict(push.verdict)),
      ...details,
    );
  }
}

const verdict = (code) => el("span", { class: `verdict verdict-${code}` }, texts.page.verdicts[code] ?? code);
