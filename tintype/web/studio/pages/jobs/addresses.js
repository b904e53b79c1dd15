// Addresses of jobs and of their files, and of the form for a new one with some answers given.

import { withQuery } from "../../../shared/api.js";

export const pathOf = (run) => `/jobs/${encodeURIComponent(run.name)}`;

/** `answers` as the form knows them: kind, data, model, task, register. */
export const newJobPath = (answers = {}) => withQuery("/new-job", answers);

/** The address of a file of a run: a report finds its pictures beside it. */
export const contentOf = (name, path, query = {}) =>
  withQuery(`/api/jobs/${encodeURIComponent(name)}/files/content/${path.split("/").map(encodeURIComponent).join("/")}`, query);
