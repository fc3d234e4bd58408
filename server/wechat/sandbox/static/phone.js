// The phone: who holds it, which page it shows, and the question once a second whether anything is new.

import { get, loadTexts, post, texts } from "./api.js";
import { Browser, Sheets } from "./browser.js";
import { Chat, summary } from "./chat.js";
import { byId, toast } from "./dom.js";
import { MenuBar } from "./menubar.js";
import { Panel } from "./panel.js";
import { Scanner } from "./scan.js";
import { hour, near } from "./time.js";

const POLL_MS = 1000;
const PAGES = ["home", "profile", "chat"];
const REMEMBERED = "xinqiao-sandbox-resident";

await loadTexts();

const view = { resident: null, epoch: "", revision: -1, code: "", isOffline: false, last: null, now: Date.now() / 1000 };
const sheets = new Sheets();
const browser = new Browser({ origin: document.body.dataset.webOrigin, sheets });
const open = (url, title) => browser.open(url, title);
const chat = new Chat({ open, heard: (entry) => { view.last = entry; } });
const who = () => view.resident.id;
const menubar = new MenuBar({ send: say, open, who });
const scanner = new Scanner({ sheets, who, open, profile: askToFollow, sent: () => { show("chat"); poll(); } });
const panel = new Panel({ choose, changed: poll });
scanner.now = () => view.now;

function show(page) {
  browser.close();
  sheets.close();
  for (const id of PAGES) byId(id).hidden = id !== page;
  view.page = page;
  if (page === "chat") chat.toBottom();
}

/** A scanned code of the account, in the hand of somebody who does not follow it. */
function askToFollow(code) {
  view.code = code;
  show("profile");
  byId("profile-follow").focus({ preventScroll: true });
}

async function say(words) {
  try {
    await chat.send(words);
  } catch (refusal) {
    toast(refusal.message);
  }
  poll();
}

async function follow(button) {
  button.disabled = true;
  try {
    const sent = post("/follow", { resident: who(), code: view.code });
    view.code = "";
    // The chat opens when WeChat knows of the follow; the account's greeting may take its time.
    setTimeout(poll, 60);
    await sent;
    await poll();
    show("chat");
  } catch (refusal) {
    toast(refusal.message);
  } finally {
    button.disabled = false;
  }
}

async function leave() {
  try {
    await post("/unfollow", { resident: who() });
  } catch (refusal) {
    toast(refusal.message);
  }
  await poll();
  show("profile");
}

async function choose(id) {
  const address = new URL(location.href);
  address.searchParams.set("resident", id);
  history.replaceState(null, "", address);
  localStorage.setItem(REMEMBERED, id);
  // Pages in the frame ask WeChat who opened them: whoever holds the phone.
  document.cookie = `xq_sandbox_phone=${id}; path=/connect; SameSite=Lax`;
  byId("stage").classList.remove("is-panel-open");
  panel.mark(id);
  view.resident = { id };
  view.epoch = "";
  view.code = "";
  await poll();
  if (view.resident.id === id) show(view.resident.is_follower ? "chat" : "profile");
}

let isPolling = false;
let isPollWanted = false;

async function poll() {
  if (isPolling) {
    isPollWanted = true;
    return;
  }
  isPolling = true;
  try {
    do {
      isPollWanted = false;
      await look();
    } while (isPollWanted);
    if (view.isOffline) byId("toast").hidden = true;
    view.isOffline = false;
  } catch (refusal) {
    if (!view.isOffline || refusal.code !== "unreachable") toast(refusal.message);
    view.isOffline = true;
  } finally {
    isPolling = false;
  }
}

async function look() {
  const asked = view.resident.id;
  const seen = await get("/phone", { resident: asked, after: chat.last, epoch: view.epoch });
  if (view.resident.id !== asked) return; // the phone went to another hand meanwhile
  if (seen.epoch !== view.epoch) {
    chat.clear(seen.resident);
    Object.assign(view, { epoch: seen.epoch, revision: -1, last: null });
  }
  const wasFollower = view.resident.is_follower;
  view.resident = seen.resident;
  view.now = seen.clock.now;
  chat.add(seen.messages, view.now);
  menubar.update(seen.menu);
  panel.showClock(seen.clock);
  drawResident(wasFollower);
  if (seen.revision !== view.revision) {
    view.revision = seen.revision;
    await Promise.all([panel.refresh(), scanner.refresh()]);
  }
}

function drawResident(wasFollower) {
  const isFollower = view.resident.is_follower;
  byId("status-time").textContent = hour(view.now);
  byId("follow-toggle").textContent = isFollower ? texts.page.leave : texts.page.follow;
  byId("profile-follow").hidden = isFollower;
  byId("profile-enter").hidden = !isFollower;
  byId("profile-leave").hidden = !isFollower;
  byId("conversation-last").textContent = isFollower ? (view.last ? summary(view.last) : "") : texts.page.not_following;
  byId("conversation-time").textContent = isFollower && view.last ? near(view.last.at, view.now) : "";
  // Followed or left from somewhere else, a test or another window: the page must not pretend.
  if (wasFollower === true && !isFollower && view.page === "chat") show("profile");
  if (wasFollower === false && isFollower && view.page === "profile") show("chat");
}

const ACTS = {
  home: () => show("home"),
  profile: () => show("profile"),
  scan: () => { byId("stage").classList.remove("is-panel-open"); scanner.show(); },
  "close-sheet": () => sheets.close(),
  "open-panel": () => { byId("stage").classList.add("is-panel-open"); scrollTo(0, 0); },
  "close-panel": () => byId("stage").classList.remove("is-panel-open"),
};

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act) ACTS[act]();
});
byId("conversation").addEventListener("click", () => show(view.resident.is_follower ? "chat" : "profile"));
byId("profile-follow").addEventListener("click", (event) => follow(event.currentTarget));
byId("profile-enter").addEventListener("click", () => show("chat"));
byId("profile-leave").addEventListener("click", leave);
byId("follow-toggle").addEventListener("click", (event) => (view.resident.is_follower ? leave() : follow(event.currentTarget)));

const offered = [...byId("people").querySelectorAll("input")].map((input) => input.value);
const wanted = new URL(location.href).searchParams.get("resident") ?? localStorage.getItem(REMEMBERED);
await choose(offered.includes(wanted) ? wanted : offered[0]);
setInterval(() => { if (!document.hidden) poll(); }, POLL_MS);
