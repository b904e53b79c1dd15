// Addresses of labelling projects: the studio's page of one, the labeller's page, and the form for a new one.

import { withQuery } from "../../../shared/api.js";

export const projectPath = (name) => `/labelling/${encodeURIComponent(name)}`;
export const labellerPath = (name, view = "label") => `/label/#/${encodeURIComponent(name)}/${view}`;
export const newProjectPath = (of) => withQuery("/new-labelling-project", { of });
