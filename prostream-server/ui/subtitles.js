// “Find subtitles”: lists subtitles from outside for what plays, shows one of them, and moves it in time.

import * as api from "./api.js";

const byId = id => document.getElementById(id);

/** How far one press moves a subtitle, in seconds. */
const STEP_S = 0.5;
/** Most languages that are asked for. */
const MAX_LANGUAGES = 20;

/** The playback that is looked for, the subtitle that was chosen for it, and what shows it. */
let id = null, chosen = null, player = null;
/** What is shown goes on from another file; what there is for this one has not been asked for. */
let hasGoneOn = false;

/** The viewer's languages, each also without its region: `en-US`, `en`. */
const mine = () => {
  const tags = (navigator.languages || []).flatMap(tag => [tag, tag.split("-")[0]]);
  return [...new Set(tags)].slice(0, MAX_LANGUAGES);
};

const say = text => { byId("found-text").textContent = text; };

/** Takes everything away; from now on subtitles are found for this playback, or for none. */
export const offerFor = playback => {
  id = playback || null;
  chosen = null;
  hasGoneOn = false;
  byId("find-subtitles").hidden = !id;
  byId("found").hidden = byId("found-shift").hidden = true;
  byId("found-list").replaceChildren();
  say("");
};

const drawShift = shift => { byId("found-by").textContent = `${shift > 0 ? "+" : shift < 0 ? "−" : ""}${Math.abs(shift).toFixed(1)} s`; };

/** Another file of the same film plays: the subtitle that was shown by the one before goes on, moved as it was. */
export const goOn = async shown => {
  const asked = id;
  await player.showFound(shown.text, shown.name, shown.language);
  if (id !== asked) return;
  drawShift(player.shiftFound(shown.shift));
  hasGoneOn = true;
  byId("found").hidden = byId("found-shift").hidden = false;
  say("The subtitle goes on with this file. Is it too early or too late now? Move it, or find another one.");
};

/** Wires the control; `languageText` names a language for people. */
export const start = (shownBy, make, languageText) => {
  player = shownBy;

  /** What goes wrong is said here, beside the film, which plays on. */
  const attempt = async action => {
    const asked = id;
    try {
      await action(asked);
    } catch (problem) {
      if (id === asked) say([problem.message, problem.advice].filter(Boolean).map(text => text.replace(/[.!]?$/, ".")).join(" "));
    }
  };

  const facts = one => [
    one.is_hash_match ? "made for this very file" : null,
    one.is_hearing_impaired ? "with sounds, for the hard of hearing" : null,
    one.is_foreign_parts_only ? "foreign parts only" : null,
    one.is_machine_translated ? "translated by a machine" : null,
    one.is_trusted ? "trusted uploader" : null,
    one.provider,
  ].filter(Boolean).join(" · ");

  const choose = one => attempt(async asked => {
    say("Fetching …");
    const text = await api.subtitleText(one.vtt_url);
    if (id !== asked) return;
    await player.showFound(text, languageText(one.language) || "unknown language", one.language);
    if (id !== asked) return;
    chosen = one.id;
    drawShift(0);
    byId("found-shift").hidden = false;
    say("Shown. Is it too early or too late? Move it.");
    for (const item of byId("found-list").children) item.setAttribute("aria-current", String(item.dataset.id === chosen));
  });

  const list = isAll => attempt(async asked => {
    byId("found").hidden = hasGoneOn = false;
    say("Searching …");
    const {subtitles, is_partial: isPartial} = await api.subtitles(asked, isAll ? [] : mine());
    if (id !== asked) return;
    byId("found-all").hidden = isAll;
    const what = subtitles.length === 1 ? "One subtitle" : `${subtitles.length} subtitles`;
    const nothing = isAll ? "There are no subtitles for this." : "There are no subtitles in your languages.";
    say(`${subtitles.length ? `${what} found.` : nothing}${isPartial ? " A provider did not answer: there may be more." : ""}`);
    byId("found-list").replaceChildren(...subtitles.map(one => {
      const language = languageText(one.language) || "Unknown language";
      return make("li", {"data-id": one.id, "aria-current": String(one.id === chosen)},
        make("span", {class: "release-name"}, `${language} · ${one.release_name || "unnamed"}`),
        make("button", {type: "button", class: "quiet", "aria-label": `Show ${language}, ${one.release_name || "unnamed"}`, onclick: () => choose(one)}, "Show"),
        make("span", {class: one.is_hash_match ? "facts exact" : "facts"}, facts(one)));
    }));
  });

  byId("find-subtitles").addEventListener("click", () => {
    if (byId("found").hidden || hasGoneOn) list(false);
    else byId("found").hidden = true;
  });
  byId("found-all").addEventListener("click", () => list(true));
  byId("found-earlier").addEventListener("click", () => drawShift(player.shiftFound(-STEP_S)));
  byId("found-later").addEventListener("click", () => drawShift(player.shiftFound(STEP_S)));
};
