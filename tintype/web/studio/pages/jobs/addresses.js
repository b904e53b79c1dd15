// Addresses of jobs, and of the form for a new one with some answers given.

import { withQuery } from "../../../shared/api.js";

export const pathOf = (run) => `/jobs/${encodeURIComponent(run.name)}`;

/** `answers` as the form knows them: kind, data, model, task, register. */
export const newJobPath = (answers = {}) => withQuery("/new-job", answers);
