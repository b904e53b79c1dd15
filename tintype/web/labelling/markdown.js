// Instructions in Markdown as vnodes. marked takes the text apart; only what is listed here is shown, as elements
// made one by one. Markup in the text stays text.

import { marked } from "../vendor/marked.js";
import { html } from "../shared/html.js";

const SAFE_LINK = /^(https?:|mailto:)/i;

/** Vnodes of a Markdown text. */
export function Markdown({ text }) {
  return html`<div class="markdown">${marked.lexer(text, { gfm: true }).map(block)}</div>`;
}

function block(token) {
  switch (token.type) {
    case "heading":
      // The page has headings of the first two levels itself.
      return html`<${token.depth === 1 ? "h3" : "h4"}>${inline(token.tokens)}<//>`;
    case "paragraph":
      return html`<p>${inline(token.tokens)}</p>`;
    case "text":
      return token.tokens ? inline(token.tokens) : token.text;
    case "code":
      return html`<pre tabindex="0"><code>${token.text}</code></pre>`;
    case "blockquote":
      return html`<blockquote>${token.tokens.map(block)}</blockquote>`;
    case "list":
      return html`<${token.ordered ? "ol" : "ul"} start=${token.ordered && token.start !== 1 ? token.start : undefined}>
        ${token.items.map((item) => html`<li>${item.tokens.map(block)}</li>`)}
      <//>`;
    case "table":
      return html`
        <table>
          <thead><tr>${token.header.map((cell) => html`<th scope="col">${inline(cell.tokens)}</th>`)}</tr></thead>
          <tbody>${token.rows.map((row) => html`<tr>${row.map((cell) => html`<td>${inline(cell.tokens)}</td>`)}</tr>`)}</tbody>
        </table>`;
    case "hr":
      return html`<hr />`;
    case "space":
    case "def":
      return null;
    default:
      return token.raw;
  }
}

const inline = (tokens) => tokens.map(span);

function span(token) {
  switch (token.type) {
    case "strong":
      return html`<strong>${inline(token.tokens)}</strong>`;
    case "em":
      return html`<em>${inline(token.tokens)}</em>`;
    case "del":
      return html`<del>${inline(token.tokens)}</del>`;
    case "codespan":
      return html`<code>${token.text}</code>`;
    case "br":
      return html`<br />`;
    case "link":
      if (!SAFE_LINK.test(token.href)) return inline(token.tokens);
      return html`<a href=${token.href} target="_blank" rel="noopener noreferrer">${inline(token.tokens)}</a>`;
    case "image":
      // Nothing of another place is loaded.
      return token.text;
    case "escape":
    case "text":
      return token.tokens ? inline(token.tokens) : token.text;
    default:
      return token.raw;
  }
}
