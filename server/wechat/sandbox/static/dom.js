// Small helpers: elements without innerHTML (nothing that a message says can become markup), icons, texts.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element with attributes, properties (`on...` for listeners) and children; null children are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function accountAvatar() {
  const mark = icon("mark");
  mark.setAttribute("class", "mark");
  return el("span", { class: "avatar avatar-account", "aria-hidden": "true" }, mark);
}

export function personAvatar(resident) {
  return el("span", { class: `avatar tint-${resident.tint}`, "aria-hidden": "true" }, resident.name.slice(0, 1));
}

/** A sentence with its gaps filled: {name}. */
export const fill = (sentence, gaps) => sentence.replace(/\{(\w+)\}/g, (_, name) => String(gaps[name]));

let toastTimer = 0;

export function toast(sentence) {
  const box = byId("toast");
  box.textContent = sentence;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 3200);
}
