// Who gets which part of the traffic: a slider for each deployment, 100 together, applied by one button.

import { ask } from "../../../shared/api.js";
import { html, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { complain, say } from "../../parts/toasts.js";

export function Traffic({ endpoint, path, reload }) {
  const names = endpoint.deployments.map(({ name }) => name);
  const now = Object.fromEntries(names.map((name) => [name, endpoint.traffic[name] ?? 0]));
  const [wanted, setWanted] = useState(now);
  const changed = names.some((name) => wanted[name] !== now[name]);
  const apply = async () => {
    try {
      await ask("PUT", `${path}/traffic`, { traffic: wanted });
      say("The traffic is shared out anew.");
      reload();
    } catch (error) {
      complain(error);
    }
  };
  return html`
    <section class="panel" aria-labelledby="traffic">
      <h2 id="traffic">Traffic</h2>
      <div class="shares">${names.map((name) => html`
        <label key=${name}><span class="name">${name}</span>
          <input type="range" aria-label=${name} min="0" max="100" value=${wanted[name]} aria-valuetext=${`${wanted[name]} percent`} onInput=${(event) => setWanted(shared(wanted, name, Number(event.target.value)))} />
          <output class="figure">${wanted[name]} %</output></label>`)}
      </div>
      <div class="row end">
        <button type="button" disabled=${!changed} onClick=${() => setWanted(now)}>As it is now</button>
        <button type="button" class="main" disabled=${!changed} onClick=${apply}>Apply</button>
      </div>
      <${CommandLine} command=${`tintype online-endpoint update --name ${quoted(endpoint.name)} --traffic ${quoted(names.map((name) => `${name}=${wanted[name]}`).join(" "))}`} />
    </section>`;
}

/** `wanted` with another share of `name`; the others give or take what is left, as their own shares are. */
export function shared(wanted, name, share) {
  const others = Object.keys(wanted).filter((other) => other !== name);
  // Alone, it has all or nothing.
  if (!others.length) return { [name]: share >= 50 ? 100 : 0 };
  const left = 100 - share;
  const before = others.reduce((sum, other) => sum + wanted[other], 0);
  const next = { ...wanted, [name]: share };
  let given = 0;
  others.forEach((other, index) => {
    const part = before ? wanted[other] / before : 1 / others.length;
    next[other] = index === others.length - 1 ? left - given : Math.min(left - given, Math.round(part * left));
    given += next[other];
  });
  return next;
}
