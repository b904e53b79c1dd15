// Small choices that this browser keeps, such as how many pictures are shown at once.

const PREFIX = "tintype-labelling ";

export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch { /* It is asked for again next time. */ }
}
