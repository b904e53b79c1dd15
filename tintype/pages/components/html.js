// What every component is made with: markup as vnodes, and hooks. Texts enter the page as text nodes; nothing makes
// markup of them.

import htm from "../vendor/htm.js";
import { h, render } from "../vendor/preact.js";
import {
  useCallback, useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/preact-hooks.js";

export { render, useCallback, useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef, useState };

export const html = htm.bind(h);
