// Labelling: pictures that the server hands out, in an order of the assistant.

import { html, useState } from "../shared/html.js";
import { tasksOf } from "./feeds.js";
import { keep, kept } from "./kept.js";
import { Work } from "./work.js";

const ORDERS = [
  ["auto", "automatic: what teaches most"], ["uncertainty", "unsure and different"], ["margin", "smallest margin"], ["entropy", "highest entropy"],
  ["bald", "where models disagree"], ["coreset", "unlike those labelled"], ["confidence", "surest, to confirm"], ["random", "random"],
];

export function Label({ project, outbox, go }) {
  const [order, setOrder] = useState(() => kept("order", "auto"));
  const choose = (event) => {
    keep("order", event.target.value);
    setOrder(event.target.value);
  };
  const footer = html`
    <label class="order">Order
      <select value=${order} onChange=${choose}>${ORDERS.map(([name, title]) => html`<option key=${name} value=${name}>${title}</option>`)}</select>
    </label>`;
  return html`
    <${Work} key=${order} project=${project} outbox=${outbox} name="Pictures to label" footer=${footer} openSimilar=${(id) => go(`similar/${id}`)}
      moreOf=${(sequence) => tasksOf(project.name, sequence, outbox, order)}
      finished="All pictures that are yours to answer are answered." />`;
}
