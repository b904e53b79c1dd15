// A run's log, followed: only what was added is asked for.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { bytes } from "../../parts/figures.js";
import { Failure } from "../../parts/states.js";
import { contentOf } from "./addresses.js";

// Letters that are kept on the page.
const MOST = 2_000_000;

export function Tab({ run, parts }) {
  const [log, setLog] = useState({ text: "", start: 0, end: null, size: 0 });
  const [error, setError] = useState(null);
  const state = useRef({ loading: false, again: false, end: undefined });
  const load = async () => {
    const { current } = state;
    if (current.loading) {
      current.again = true;
      return;
    }
    current.loading = true;
    try {
      do {
        current.again = false;
        const piece = await ask("GET", withQuery(`/jobs/${encodeURIComponent(run.name)}/log`, { start: current.end }));
        const grown = current.end !== undefined && piece.start === current.end;
        current.end = piece.end;
        current.again ||= piece.end < piece.size;
        setLog((before) => ({ ...piece, text: (grown ? before.text + piece.text : piece.text).slice(-MOST), start: grown ? before.start : piece.start }));
      } while (current.again);
      setError(null);
    } catch (failure) {
      setError(failure);
    } finally {
      current.loading = false;
    }
  };
  useEffect(() => {
    load();
  }, [parts.log, run.status]);

  const pane = useRef(null);
  const [follows, setFollows] = useState(true);
  useLayoutEffect(() => {
    if (follows && pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [log.text, follows]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = pane.current;
    setFollows(scrollHeight - scrollTop - clientHeight < 40);
  };
  return html`
    <div class="stack">
      <div class="row spread">
        <p class="hint">${bytes(log.size)}${log.start > 0 ? `, from byte ${log.start.toLocaleString("en")} on` : ""}${follows ? ", followed to its end" : ""}</p>
        <div class="row">
          ${!follows && html`<button type="button" onClick=${() => setFollows(true)}>To the end</button>`}
          <a class="button" download href=${contentOf(run.name, "log.txt", { download: true })}>Download</a>
        </div>
      </div>
      ${error && html`<${Failure} error=${error} again=${load} />`}
      <pre class="log" ref=${pane} tabindex="0" role="log" aria-label="Log" aria-live="off" onScroll=${scrolled}>${log.text || "Nothing was printed yet."}</pre>
      <${CommandLine} command=${`tintype job stream --name ${quoted(run.name)}`} />
    </div>`;
}
