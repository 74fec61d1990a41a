// What no service has cached: offers to have it fetched, and shows how far it is until it plays.

import * as api from "./api.js";

const byId = id => document.getElementById(id);

/** What is offered or fetched now: `{request, name, id, signal}`; nothing without. */
let current = null;

const speed = bytes => !bytes ? null : bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB/s` : `${(bytes / 1e6).toFixed(1)} MB/s`;

const time = ms => ms < 60_000 ? `${Math.round(ms / 1e3)} s` : `${Math.round(ms / 60_000)} min`;

const draw = ({text, progress = null, facts = [], isFetched = false}) => {
  byId("fetching").hidden = false;
  byId("fetching-text").textContent = text;
  byId("fetching-progress").hidden = !isFetched;
  // Without a share the bar shows that something goes on, and no more.
  if (progress === null) byId("fetching-progress").removeAttribute("value");
  else byId("fetching-progress").value = progress;
  byId("fetching-facts").textContent = facts.filter(Boolean).join(" · ");
  byId("fetch").hidden = isFetched;
};

const told = ({progress, speed_bytes_per_s: bytesPerSecond, elapsed_ms: elapsed}) => {
  const share = typeof progress === "number" ? progress : null;
  draw({text: `Your service fetches ${current.name}.`, progress: share, isFetched: true,
    facts: [share === null ? null : `${Math.floor(share * 100)} %`, speed(bytesPerSecond), time(elapsed)]});
};

/** Takes the offer away, or stops looking; what is fetched goes on unless it is cancelled. */
export const leave = () => {
  current?.abort.abort();
  current = null;
  byId("fetching").hidden = true;
};

/** Offers to have fetched what `request` asks for: a playback that no service can start. */
export const offer = (request, name) => {
  leave();
  current = {request, name, id: null, abort: new AbortController()};
  draw({text: `No service has ${name} ready. One of yours can fetch it, which uses up what your account may fetch.`});
};

/** Wires the box; `attempt` runs an action of the viewer and shows what goes wrong, `ready(playback, start)` plays. */
export const start = (attempt, ready) => {
  const follow = async one => {
    const {signal} = one.abort;
    let ended = null;
    const happened = (name, data) => {
      if (signal.aborted) return;
      if (name === "preparing") told(data);
      if (name === "ready") { ended = () => ready(data.playback, one.request.start_s || 0); one.abort.abort(); }
      if (name === "failed") { ended = () => { throw new api.Problem(data.error.status, data.error); }; one.abort.abort(); }
    };
    while (!signal.aborted) {
      try { await api.playbackEvents(one.id, signal, happened); } catch (problem) { if (problem.status === 401 || problem.status === 404) throw problem; }
      if (!signal.aborted) await new Promise(resolve => setTimeout(resolve, 2000));
    }
    if (!ended || current !== one) return;
    leave();
    ended();
  };
  byId("fetch").addEventListener("click", () => attempt(async () => {
    const one = current;
    byId("fetch").disabled = true;
    try {
      const answer = await api.startPlayback({...one.request, prepare: true});
      // Who has gone elsewhere meanwhile looks at it later.
      if (current !== one) return;
      if (answer.state === "ready") { leave(); ready(answer, one.request.start_s || 0); return; }
      one.id = answer.id;
      one.name = answer.name;
      told(answer);
    } finally {
      byId("fetch").disabled = false;
    }
    await follow(one);
  }));
  byId("fetch-cancel").addEventListener("click", () => attempt(async () => {
    const id = current?.id;
    leave();
    if (id) await api.endPlayback(id);
  }));
};
