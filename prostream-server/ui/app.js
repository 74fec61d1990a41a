// The page: sign in, search, look at releases and their reasons, play. Nothing is loaded from other hosts.

import * as api from "./api.js";
import {Player} from "./player.js";
import * as fetching from "./fetching.js";
import * as links from "./links.js";
import * as position from "./position.js";
import * as releases from "./releases.js";
import * as subtitles from "./subtitles.js";

const byId = id => document.getElementById(id);
const state = {signInPath: "/api/v1/auth/login", setupToken: null, title: null, mediaId: null, candidates: [], release: null, failed: new Set(), playback: null, search: null, positionKey: null, following: null, next: null, lost: null, askedNext: null, nextEpisode: null};

/** So long before its end an episode has the next one made ready, in seconds: the server keeps it for five minutes. */
const NEXT_READY_S = 240;

const DEVICE = /firefox/i.test(navigator.userAgent) ? "firefox"
  : /chrom(e|ium)/i.test(navigator.userAgent) ? "chromium"
  : /safari/i.test(navigator.userAgent) ? "safari" : "any";

const player = new Player({
  video: byId("video"), audio: byId("audio"), audioLabel: byId("audio-label"),
  subtitle: byId("subtitle"), subtitleLabel: byId("subtitle-label"), chapter: byId("chapter"), chapterLabel: byId("chapter-label"),
  note: byId("player-note"),
}, text => {
  if (state.next) goOn();
  else showProblem(state.lost || {message: `It does not play: ${text}`, advice: state.mediaId ? "Press “Broken, next one” to try another release." : "Try another file."});
});

// --- small pieces

const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
};

const show = (...ids) => {
  for (const id of ["sign-in", "results", "title", "player"]) byId(id).hidden = !ids.includes(id);
};

const notice = text => { byId("notice").textContent = text || ""; byId("notice").hidden = !text; };

const showProblem = problem => {
  const box = byId("problem");
  box.hidden = !problem;
  if (!problem) return;
  box.querySelector("strong").textContent = problem.message;
  box.querySelector("span").textContent = problem.advice || "";
};

const LANGUAGES = typeof Intl.DisplayNames === "function" ? new Intl.DisplayNames(undefined, {type: "language"}) : null;
const languageText = tag => { try { return tag && LANGUAGES ? LANGUAGES.of(tag) : tag; } catch { return tag; } };

/** Runs one action of the viewer: problems are shown, a sign-in that ended leads to the form. */
const attempt = async action => {
  showProblem(null);
  try {
    return await action();
  } catch (problem) {
    if (problem.name === "AbortError") return undefined;
    notice(null);
    if (problem.status === 401 && byId("sign-in").hidden) askToSignIn();
    showProblem(problem);
    return undefined;
  }
};

// --- signing in

const askToSignIn = () => {
  links.offer(false);
  show("sign-in");
  byId("search").hidden = true;
  byId("sign-out").hidden = true;
  byId("setup-note").hidden = !state.setupToken;
  byId("password").autocomplete = state.setupToken ? "new-password" : "current-password";
  byId("user-name").focus();
};

const welcome = () => {
  links.offer(true);
  links.showFor(null, null);
  byId("search").hidden = false;
  byId("sign-out").hidden = false;
  show();
  notice("Search for a film or a series.");
  byId("query").focus();
};

byId("sign-in-form").addEventListener("submit", event => {
  event.preventDefault();
  attempt(async () => {
    const body = {name: byId("user-name").value, password: byId("password").value};
    if (state.setupToken) await api.signIn("/api/v1/auth/setup", {...body, setup_token: state.setupToken});
    else await api.signIn("/api/v1/auth/login", body);
    state.setupToken = null;
    byId("password").value = "";
    if (location.hash) history.replaceState(null, "", location.pathname);
    welcome();
  });
});

byId("sign-out").addEventListener("click", () => attempt(async () => {
  leavePlayer();
  position.forgetAll();
  await api.signOut();
  askToSignIn();
}));

// --- searching

byId("search").addEventListener("submit", event => {
  event.preventDefault();
  attempt(async () => {
    leavePlayer();
    const text = byId("query").value.trim();
    notice("Searching…");
    const {titles} = await api.searchTitles(text);
    notice(titles.length ? null : `No title is called “${text}”.`);
    byId("results").replaceChildren(...titles.map(title => make("button", {
      class: "card", type: "button", "data-media-id": title.media_id, onclick: () => attempt(() => openTitle(title.media_id)),
    },
      make("span", {class: "poster", "aria-hidden": "true"}, title.name),
      make("strong", {}, title.name),
      make("span", {class: "facts"}, [title.kind === "series" ? "Series" : "Film", title.year].filter(Boolean).join(" · ")))));
    show("results");
  });
});

byId("home").addEventListener("click", event => {
  event.preventDefault();
  if (api.isSignedIn()) { leavePlayer(); welcome(); }
});

// --- one title

const openTitle = async id => {
  notice("Loading…");
  const title = await api.title(id);
  notice(null);
  state.title = title;
  byId("title-poster").textContent = title.name;
  byId("title-name").textContent = title.name;
  byId("title-facts").textContent = [title.year, title.runtime_min ? `${title.runtime_min} min` : null, (title.genres || []).join(", ")].filter(Boolean).join(" · ");
  byId("title-overview").textContent = title.overview || "";
  const seasons = (title.seasons || []).filter(season => season.episodes.length);
  byId("episodes").hidden = title.kind !== "series";
  show("title");
  if (title.kind === "series") {
    byId("season").replaceChildren(...seasons.map(season => make("option", {value: season.number}, season.name || `Season ${season.number}`)));
    const first = seasons.find(season => season.number > 0) || seasons[0];
    if (!first) { notice("No episode of this series is known yet."); return; }
    byId("season").value = String(first.number);
    showEpisodes();
  } else {
    lookForReleases(title.media_id);
  }
};

const showEpisodes = () => {
  const season = state.title.seasons.find(one => String(one.number) === byId("season").value);
  byId("episode").replaceChildren(...season.episodes.map(episode => make("option", {value: episode.number}, `${episode.number}. ${episode.name || "Episode"}`)));
  lookForReleases(`${state.title.media_id}:${season.number}:${season.episodes[0].number}`);
};
byId("season").addEventListener("change", showEpisodes);
byId("episode").addEventListener("change", () => lookForReleases(`${state.title.media_id}:${byId("season").value}:${byId("episode").value}`));

const lookForReleases = mediaId => attempt(async () => {
  fetching.leave();
  state.search?.abort();
  state.search = new AbortController();
  const {signal} = state.search;
  state.mediaId = mediaId;
  links.showFor(state.title.kind, mediaId);
  state.candidates = [];
  state.failed = new Set();
  releases.draw({candidates: [], rejected: []});
  byId("indexers").textContent = "Asking the indexers…";
  const answered = [];
  await api.releases(mediaId, DEVICE, signal, (name, data) => {
    if (signal.aborted) return;
    if (name === "indexer_answered") answered.push([`${data.indexer}: ${data.release_count}`, ...data.missing.map(one => `without ${one.tracker} (${one.reason})`)].join(", "));
    if (name === "indexer_failed") answered.push(`${data.indexer}: ${data.error.detail || data.error.title}`);
    if (name === "ranked") {
      state.candidates = data.candidates;
      releases.draw(data);
    }
    if (name === "failed") showProblem({message: data.error.detail || data.error.title, advice: data.error.advice});
    const ending = name === "done" ? (data.is_partial ? " (incomplete)" : "") : " …";
    byId("indexers").textContent = answered.join(" · ") + ending;
    if (name === "done" && !state.candidates.length) byId("indexers").textContent += " No release fits.";
  });
});

// --- playing

const wish = (release, start) => ({media_id: state.mediaId, ...(release ? {release} : {}), ...(start > 0 ? {start_s: start} : {}), device: DEVICE});

const play = async (release, start = position.recall(state.mediaId)) => {
  fetching.leave();
  notice("Opening…");
  const playback = await api.startPlayback(wish(release, start));
  begin(playback, start, release);
};

/** What nobody has cached is offered to be fetched. */
const playOrOffer = async ({release, name}) => {
  try {
    await play(release);
  } catch (problem) {
    if (problem.code !== "not_cached") throw problem;
    notice(null);
    fetching.offer(wish(release, position.recall(state.mediaId)), name);
  }
};

const begin = (playback, start, release) => {
  notice(null);
  if (state.playback) api.endPlayback(state.playback.id).catch(() => { /* it ends by itself */ });
  state.playback = playback;
  state.release = playback.release || release;
  openPlayer(playback, start);
  listen(playback.id);
};

/** Hears what becomes of what plays, and comes back when the connection ends. */
const listen = async id => {
  state.following?.abort();
  state.next = state.lost = null;
  const {signal} = state.following = new AbortController();
  const happened = (name, data) => {
    if (signal.aborted) return;
    if (name === "next") { state.next = data; if (player.hasRunOut) goOn(); }
    if (name === "failed") {
      state.lost = {message: data.error.detail || data.error.title, advice: data.error.advice};
      if (player.hasRunOut) showProblem(state.lost);
    }
  };
  while (!signal.aborted && !state.next) {
    try { await api.playbackEvents(id, signal, happened); } catch (problem) { if (problem.status === 401 || problem.status === 404) return; }
    await new Promise(resolve => setTimeout(resolve, 3000));
  }
};

/** The file cannot be had any more: the release that the server has opened in its place goes on, once what is there has been shown. */
const goOn = () => {
  const {playback, start_s: lostAt, because} = state.next;
  const [before, at] = [state.playback, player.length > 0 ? player.position : lostAt];
  state.failed.add(state.release);
  state.playback = playback;
  state.release = playback.release;
  showProblem(null);
  openPlayer(playback, at);
  notice(`${before.name} could not be read any further (${because.detail || because.title}). ${playback.name} goes on.`);
  api.endPlayback(before.id).catch(() => { /* it ends by itself */ });
  listen(playback.id);
};
byId("video").addEventListener("waiting", () => { if (state.next) goOn(); });

const titleText = () => {
  const episode = /:(\d+):(\d+)$/.exec(state.mediaId);
  const isEpisode = episode && state.title.kind === "series";
  return state.title.name + (isEpisode ? ` · season ${episode[1]}, episode ${episode[2]}` : state.title.year ? ` (${state.title.year})` : "");
};

/** Names a track for people: what it is, and how it is written in the file. */
const trackText = track => {
  const kind = {video: "Video", audio: "Sound", subtitle: "Subtitles"}[track.kind] || "Track";
  return [kind, track.name || languageText(track.language), `(${track.codec === "other" ? track.codec_string : track.codec})`].filter(Boolean).join(" ");
};

const fillDetails = (id, summary, texts) => {
  const box = byId(id);
  box.hidden = !texts.length;
  if (summary) box.querySelector("summary").textContent = summary;
  box.querySelector("ul").replaceChildren(...texts.map(text => make("li", {}, text)));
};

const openPlayer = (playback, start) => {
  const shown = state.mediaId && state.positionKey === state.mediaId ? player.shownFound : null;
  show("player");
  byId("playing").textContent = state.mediaId ? titleText() : playback.name || "";
  byId("playing-release").textContent = state.mediaId ? playback.name || "" : "";
  const left = (playback.tracks || []).filter(track => track.left_out);
  fillDetails("left-out", left.length === 1 ? "One track is left out" : `${left.length} tracks are left out`, left.map(track => `${trackText(track)}: ${track.left_out}`));
  // Said above already, with the name of the track.
  fillDetails("why", null, (playback.why || []).filter(text => !/^track \d+ is left out: /.test(text)));
  for (const [id, address] of [["file-link", playback.file_url], ["list-link", playback.m3u_url]]) {
    byId(id).hidden = !address;
    if (address) byId(id).href = address;
  }
  byId("next-release").hidden = !state.mediaId;
  byId("close-player").hidden = !state.mediaId;
  byId("next-episode").hidden = true;
  state.nextEpisode = null;
  byId("from-start").hidden = !(start > 0);
  state.positionKey = state.mediaId || playback.name;
  player.play(playback.hls_url, start);
  subtitles.offerFor(playback.id);
  if (shown) subtitles.goOn(shown).catch(() => { /* others can be found */ });
  const chapters = playback.chapters ? Promise.resolve(playback.chapters) : api.chapters(playback.hls_url);
  chapters.then(found => player.showChapters(found)).catch(() => { /* it plays without */ });
};

byId("from-start").addEventListener("click", () => { byId("from-start").hidden = true; player.seek(0); });

// Where the viewer is, for the next time: kept by this browser alone.
const keepPosition = () => { if (state.positionKey) position.keep(state.positionKey, player.position, player.length); };
byId("video").addEventListener("timeupdate", keepPosition);
byId("video").addEventListener("ended", () => {
  if (state.positionKey) position.forget(state.positionKey);
  if (state.nextEpisode) playNext();
});

// Shortly before its end an episode has the next one made ready; then it goes on by itself, or at once at the press of a button.
byId("video").addEventListener("timeupdate", () => {
  const {playback} = state;
  const isNear = player.length > 0 && player.length - player.position < NEXT_READY_S && player.position > player.length / 2;
  if (!isNear || !playback?.id || state.askedNext === playback.id || !/:\d+:\d+$/.test(state.mediaId || "")) return;
  state.askedNext = playback.id;
  api.nextEpisode(playback.id).then(({media_id: next}) => {
    if (!next || state.playback !== playback) return;
    state.nextEpisode = next;
    byId("next-episode").hidden = false;
  }).catch(() => { /* it ends as it ends */ });
});
const playNext = () => attempt(async () => {
  const next = state.nextEpisode;
  state.nextEpisode = null;
  lookForReleases(next);
  await play(undefined, 0);
});
byId("next-episode").addEventListener("click", playNext);

const leavePlayer = () => {
  fetching.leave();
  state.search?.abort();
  state.following?.abort();
  state.next = state.lost = null;
  state.positionKey = null;
  player.stop();
  subtitles.offerFor(null);
  if (state.playback?.id) api.endPlayback(state.playback.id).catch(() => { /* it ends by itself */ });
  state.playback = null;
};

byId("close-player").addEventListener("click", () => { leavePlayer(); showProblem(null); show("title"); });

byId("next-release").addEventListener("click", () => attempt(async () => {
  const position = player.position;
  state.failed.add(state.release);
  // What fails to open is passed over, too: the viewer pressed the button to see something that plays.
  for (const candidate of state.candidates) {
    if (state.failed.has(candidate.release)) continue;
    try {
      await play(candidate.release, position);
      return;
    } catch (problem) {
      if (problem.status === 401 || problem.status === 0) throw problem;
      state.failed.add(candidate.release);
    }
  }
  throw new api.Problem(404, {detail: "There is no other release left.", advice: "Go back and search again later."});
}));

// --- start

const open = async () => {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.has("play")) {
    const token = fragment.get("play");
    byId("home").removeAttribute("href");
    const [name, below] = [fragment.get("name") || "", `/hls/${encodeURIComponent(token)}`];
    openPlayer({name, hls_url: `${below}/main.m3u8`, file_url: `${below}/file`, m3u_url: `${below}/file.m3u`}, position.recall(name));
    return;
  }
  if (fragment.has("access_token")) { api.useToken(fragment.get("access_token")); welcome(); return; }
  if (fragment.has("setup")) { state.setupToken = fragment.get("setup"); askToSignIn(); return; }
  if (await api.refresh()) welcome();
  else askToSignIn();
};

links.start(attempt, make);
fetching.start(attempt, begin);
releases.start(make, candidate => attempt(() => playOrOffer(candidate)));
subtitles.start(player, make, languageText);
addEventListener("hashchange", () => location.reload());
attempt(open);
