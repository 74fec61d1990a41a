// “Stremio, Kodi, VLC”: makes links that other players search and play with, and revokes them.

import * as api from "./api.js";

const byId = id => document.getElementById(id);

/** The link that was just made: its addresses are told once and are kept nowhere else. */
let made = null;
/** What the files of a title are for: `{type, id}`. */
let shown = null;

const fill = template => template.replace("{type}", shown.type).replace("{id}", encodeURIComponent(shown.id));

const draw = () => {
  byId("new-link").hidden = !made;
  if (!made) return;
  byId("manifest-url").value = made.manifest_url;
  byId("install-link").hidden = !made.install_url;
  if (made.install_url) byId("install-link").href = made.install_url;
  byId("title-files").hidden = !shown;
  if (!shown) return;
  // A series without an episode is a list alone.
  byId("strm-link").hidden = shown.type === "series" && !/:\d+:\d+$/.test(shown.id);
  byId("strm-link").href = fill(made.strm_url_template);
  byId("m3u-link").href = fill(made.m3u_url_template);
};

/** From now on files are offered for this film or episode; for none without one. */
export const showFor = (kind, mediaId) => { shown = mediaId ? {type: kind, id: mediaId} : null; draw(); };

/** Offers the section to who is signed in, and takes it away with everything in it. */
export const offer = isSignedIn => {
  byId("links").hidden = !isSignedIn;
  if (isSignedIn) return;
  made = null;
  byId("links").open = false;
  byId("link-list").replaceChildren();
  draw();
};

/** Wires the section; `attempt` runs an action of the viewer and shows what goes wrong. */
export const start = (attempt, make) => {
  const list = async () => {
    const {addons} = await api.links();
    byId("link-list").replaceChildren(...addons.map(link => make("li", {},
      make("span", {}, link.name),
      make("span", {class: "facts"}, link.used_at ? `used ${new Date(link.used_at).toLocaleDateString()}` : "not used yet"),
      make("button", {class: "quiet", type: "button", "aria-label": `Revoke ${link.name}`, onclick: () => attempt(async () => {
        await api.revokeLink(link.id);
        if (made?.id === link.id) made = null;
        draw();
        await list();
      })}, "Revoke"))));
  };
  byId("links").addEventListener("toggle", () => { if (byId("links").open) attempt(list); });
  byId("link-form").addEventListener("submit", event => {
    event.preventDefault();
    attempt(async () => {
      made = await api.makeLink(byId("link-name").value);
      byId("link-name").value = "";
      draw();
      byId("manifest-url").select();
      await list();
    });
  });
  byId("manifest-url").addEventListener("focus", event => event.target.select());
};
