// The browser's own print dialog, for who does not know its keys.
"use strict";

(() => {
  const button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
})();
