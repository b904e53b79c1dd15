// Pictures from wherever they are: dropped anywhere on the page, pasted, or chosen.

import { html, useEffect, useRef, useState } from "../shared/html.js";

const bringsFiles = (event) => event.dataTransfer.types.includes("Files");

let pasted = 0;

/** `add(files)`; the children get `pick()`, which asks for files. */
export function DropZone({ add, children }) {
  const input = useRef(null);
  const [over, setOver] = useState(false);
  const pick = () => input.current.click();
  useEffect(() => {
    // Wherever on the page a file falls, it is taken, and the browser does not leave for it.
    const dragged = (event) => {
      if (!bringsFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const left = (event) => event.relatedTarget || setOver(false);
    const dropped = (event) => {
      setOver(false);
      if (!bringsFiles(event)) return;
      event.preventDefault();
      add([...event.dataTransfer.files]);
    };
    const paste = (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      add(files.map(named));
    };
    const listeners = [[window, "dragenter", dragged], [window, "dragover", dragged], [window, "dragleave", left], [window, "drop", dropped], [document, "paste", paste]];
    for (const [target, kind, listener] of listeners) target.addEventListener(kind, listener);
    return () => {
      for (const [target, kind, listener] of listeners) target.removeEventListener(kind, listener);
    };
  }, [add]);
  const chosen = (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length) add(files);
  };
  return html`
    <button type="button" id="drop" class=${over ? "over" : ""} onClick=${pick}>
      <span class="strong">Drop or paste pictures here</span>
      <span>or press to choose them</span>
    </button>
    <input type="file" id="files" ref=${input} accept="image/*" multiple hidden aria-label="Pictures" onChange=${chosen} />
    ${children(pick)}`;
}

/** Browsers call every copied picture image.png. */
function named(file) {
  const [, kind] = /^image\.(\w+)$/.exec(file.name) ?? [];
  return kind ? new File([file], `pasted-${++pasted}.${kind}`, { type: file.type }) : file;
}
