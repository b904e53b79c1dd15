// Routes of labelling: addresses of pictures and projects, and invitations. What all pages ask by is shared.

import { apiUrl, ask, session, withQuery } from "../shared/api.js";

export { apiUrl, ask, readSession, Refusal, session, signIn, signOut, Unreachable } from "../shared/api.js";

export async function acceptInvitation(token, password) {
  session.take(await ask("POST", "/invites", { token, password }));
}

/** The address of a picture of a project: `thumbnail?side=256` or `image`. */
export const pictureUrl = (project, number, what) => apiUrl(`/projects/${encodeURIComponent(project)}/pictures/${number}/${what}`);

/** The path of a project's route, with a query of what is neither undefined, null nor "". */
export const projectPath = (project, route = "", query = {}) => withQuery(`/projects/${encodeURIComponent(project)}${route}`, query);

/** The studio's own page of a project, or of all; of a page that is a part of the studio. */
export const studioPath = (project = "") => (project ? `/labelling/${encodeURIComponent(project)}` : "/labelling");
