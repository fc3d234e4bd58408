// Comfort for who works with the keyboard. Every page works without it.
"use strict";

(() => {
  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("main tbody tr, main .task-lines li")].filter((row) => row.querySelector("a[href]"));
  let current = -1;

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    all.forEach((row) => row.classList.remove("is-current"));
    current = Math.min(Math.max(current + by, 0), all.length - 1);
    all[current].classList.add("is-current");
    all[current].querySelector("a[href]").focus();
  };

  const keys = {
    "/": () => {
      const field = document.querySelector("main input[type=search], main form[role=search] :is(input:not([type=hidden]), select)");
      if (field) field.focus();
      return Boolean(field);
    },
    j: () => { step(1); return true; },
    k: () => { step(-1); return true; },
    "?": () => {
      const help = document.getElementById("keys");
      if (help && !help.open) help.showModal();
      return true;
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    const act = keys[event.key];
    if (act && act()) event.preventDefault();
  });

  // A page that refreshes itself must not keep words on a screen whose log-in is over.
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) window.location.assign("/console/sign-in?over=1");
  });
})();
