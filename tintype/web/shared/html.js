// What every module of a served page is made with: the components' markup and hooks, and things that tell when they change.
// Texts of the server enter the page as text nodes; nothing here makes markup of them.

import {
  html, render, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../components/html.js";

export { html, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState };

/** Something that others look at, and that tells them when it has changed. */
export class Observable {
  #listeners = new Set();

  /** Call `listener` at each change; gives what ends that. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed() {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Draw the component again whenever one of the observables changes. */
export function useObservable(...observables) {
  const [, again] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => {
    const ends = observables.map((observable) => observable.subscribe(again));
    return () => ends.forEach((end) => end());
  }, observables);
}

/** What `load` (an async function of a signal) gives: `{value, error, loading, reload}`; anew when `inputs` change. */
export function useLoaded(load, inputs) {
  const [state, setState] = useState({ value: undefined, error: null, loading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState((before) => ({ ...before, error: null, loading: true }));
    load(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value, error: null, loading: false }),
      (error) => controller.signal.aborted || setState({ value: undefined, error, loading: false }),
    );
    return () => controller.abort();
  }, [...inputs, round]);
  return { ...state, reload: () => setRound((count) => count + 1) };
}

/** A form that `send` (async) takes to the server: `{submit, busy, error}`; what refused it is told in error. */
export function useForm(send) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setError("");
    setBusy(true);
    try {
      await send();
    } catch (failure) {
      setError(failure.message);
    } finally {
      setBusy(false);
    }
  };
  return { submit, busy, error };
}

export const percent = (share, digits = 0) => `${(share * 100).toFixed(digits)} %`;
export const counted = (count, one = "picture") => (count === 1 ? `1 ${one}` : `${count.toLocaleString("en")} ${one}s`);
