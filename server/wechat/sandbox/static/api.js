// The control API of the sandbox. A refusal becomes an error that carries a sentence for the person at the phone.

export const texts = { page: {}, errors: {}, account: {} };

export class Refusal extends Error {
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }
}

export async function loadTexts() {
  Object.assign(texts, await (await fetch("/phone/texts.json")).json());
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(`/sandbox${path}`, options);
  } catch {
    throw new Refusal("unreachable", texts.errors.unreachable);
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const code = body.error?.code ?? "internal";
  throw new Refusal(code, texts.errors[code] ?? texts.errors.internal);
}

export const get = (path, query = {}) => {
  const search = new URLSearchParams(query).toString();
  return ask(search ? `${path}?${search}` : path);
};

export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const remove = (path) => ask(path, { method: "DELETE" });

export function upload(path, file) {
  const form = new FormData();
  form.append("picture", file);
  return ask(path, { method: "POST", body: form });
}
