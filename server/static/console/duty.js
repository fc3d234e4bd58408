// Keeps the duty screen awake: new alerts without a reload, a sound, the count in the title, and a loud notice when
// server or session is lost. A dead screen at three in the morning must not look like a quiet night.
"use strict";

(() => {
  const POLL_MS = 5000;
  const TIMEOUT_MS = 8000;
  const LOST_AFTER_MS = 20000;
  const RING_EVERY_MS = 20000;
  const TROUBLE_EVERY_MS = 10000;

  const byId = (id) => document.getElementById(id);
  const board = byId("board");
  const lamp = byId("lamp");
  const trouble = byId("trouble");
  const locked = byId("locked");
  const soundButton = byId("sound");
  const clock = byId("clock");
  const baseTitle = board ? board.dataset.title : document.title;

  let newest = board ? board.dataset.newest : null;
  let ringing = board ? Number(board.dataset.ringing) : 0;
  let isLocked = false;
  let lastHeard = Date.now();
  let lastRing = 0;
  let lastTrouble = 0;
  let audio = null;

  const play = (notes) => {
    if (!audio || audio.state !== "running") return;
    notes.forEach(([frequency, at, length]) => {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.0001, audio.currentTime + at);
      volume.gain.exponentialRampToValueAtTime(0.4, audio.currentTime + at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + at + length);
      tone.connect(volume).connect(audio.destination);
      tone.start(audio.currentTime + at);
      tone.stop(audio.currentTime + at + length);
    });
  };
  const ring = () => {
    lastRing = Date.now();
    document.documentElement.dataset.rang = String(Number(document.documentElement.dataset.rang || 0) + 1);
    play([[880, 0, 0.35], [1174, 0.4, 0.35], [880, 0.8, 0.35], [1174, 1.2, 0.5]]);
  };
  const soundTrouble = () => {
    lastTrouble = Date.now();
    play([[220, 0, 0.6], [180, 0.7, 0.6], [220, 1.4, 0.8]]);
  };

  // Browsers play nothing before somebody touched the page: the button says so until then.
  const showSound = () => {
    soundButton.hidden = false;
    const isOn = audio && audio.state === "running";
    soundButton.textContent = isOn ? soundButton.dataset.on : soundButton.dataset.off;
    soundButton.classList.toggle("primary", !isOn);
  };
  const wake = async () => {
    if (!audio) audio = new AudioContext();
    await audio.resume();
    showSound();
  };
  soundButton.addEventListener("click", async () => { await wake(); play([[880, 0, 0.35], [1174, 0.4, 0.35]]); });
  document.addEventListener("pointerdown", wake, { once: true });
  document.addEventListener("keydown", wake, { once: true });
  showSound();

  const setTitle = () => { document.title = ringing ? `（${ringing}）${baseTitle}` : baseTitle; };
  const showTrouble = (kind) => {
    lamp.classList.add("is-lost");
    lamp.textContent = lamp.dataset.lost;
    trouble.querySelector("b").textContent = trouble.dataset[kind];
    trouble.querySelector("span").textContent = trouble.dataset[`${kind}Hint`];
    trouble.querySelector("a").hidden = kind !== "session";
    trouble.hidden = false;
    document.title = `⚠ ${trouble.dataset[kind]}`;
    if (Date.now() - lastTrouble > TROUBLE_EVERY_MS) soundTrouble();
  };
  const allIsWell = () => {
    lastHeard = Date.now();
    lamp.classList.remove("is-lost");
    lamp.textContent = lamp.dataset.ok;
    trouble.hidden = true;
    setTitle();
  };

  const ask = (address) => fetch(address, {
    headers: { "X-Requested-With": "fetch" }, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const heard = (count, mark) => {
    const isNew = newest !== null && mark !== newest && mark !== "" && mark > newest;
    newest = mark;
    ringing = count;
    if (isNew || (ringing > 0 && Date.now() - lastRing > RING_EVERY_MS)) ring();
    setTitle();
  };
  const lock = () => {
    isLocked = true;
    // Also a page with somebody's number on it: nobody else shall read it there.
    (board || document.querySelector("main")).replaceChildren();
    locked.hidden = false;
  };

  const pollBell = async () => {
    const answer = await ask("/console/duty/bell");
    if (answer.status === 401) { showTrouble("session"); lastHeard = Date.now(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const counts = await answer.json();
    allIsWell();
    heard(counts.ringing, counts.newest);
    const label = byId("locked-count");
    if (label) label.textContent = `${label.dataset.label} ${counts.ringing}`;
  };
  const pollBoard = async () => {
    const answer = await ask("/console/duty/board");
    if (answer.status === 401) { lock(); await pollBell(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    allIsWell();
    heard(Number(answer.headers.get("X-Ringing")), answer.headers.get("X-Newest") || "");
    if (board) redraw(html);
  };
  const redraw = (html) => {
    // Whoever is about to press a button keeps it under their hand: what has focus is found again after the redraw.
    const focused = document.activeElement && document.activeElement.closest("article[data-id]");
    const fresh = new DOMParser().parseFromString(html, "text/html");
    board.replaceChildren(...fresh.body.childNodes);
    if (focused) {
      const again = board.querySelector(`article[data-id="${CSS.escape(focused.dataset.id)}"] button`);
      if (again) again.focus();
    }
  };

  const poll = async () => {
    try {
      if (isLocked) await pollBell(); else await pollBoard();
    } catch (fault) {
      if (Date.now() - lastHeard > LOST_AFTER_MS) showTrouble("lost");
      else lamp.classList.add("is-lost");
    } finally {
      window.setTimeout(poll, POLL_MS);
    }
  };
  if (ringing) ring();
  window.setTimeout(poll, POLL_MS);
  window.addEventListener("offline", () => showTrouble("lost"));
  if (clock) {
    window.setInterval(() => {
      clock.textContent = new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
    }, 1000);
  }
})();
