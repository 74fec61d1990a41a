// The server's API: one function a call, problems as errors with advice.

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `the server answered ${status}`);
    this.status = status;
    this.code = body?.code;
    this.advice = body?.advice;
  }
}

let accessToken = null;

/** The access token lives in memory alone; the refresh token is a cookie that scripts cannot read. */
export const useToken = token => { accessToken = token; };
export const isSignedIn = () => accessToken !== null;

const send = async (method, path, body, signal) => {
  const headers = {Accept: "application/json"};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  try {
    return await fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, credentials: "same-origin"});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {detail: "the server cannot be reached", advice: "check that it is running and try again"});
  }
};

const read = async reply => {
  const text = await reply.text();
  let body;
  try { body = text ? JSON.parse(text) : undefined; } catch { body = undefined; }
  if (!reply.ok) throw new Problem(reply.status, body);
  return body;
};

/** A new access token from the refresh cookie; false when there is none. */
export const refresh = async () => {
  const reply = await send("POST", "/api/v1/auth/refresh", {});
  if (!reply.ok) { accessToken = null; return false; }
  accessToken = (await read(reply)).access_token;
  return true;
};

const call = async (method, path, body, signal) => {
  let reply = await send(method, path, body, signal);
  if (reply.status === 401 && accessToken && await refresh()) reply = await send(method, path, body, signal);
  return read(reply);
};

export const signIn = async (path, body) => { accessToken = (await read(await send("POST", path, body))).access_token; };
export const signOut = async () => { try { await call("POST", "/api/v1/auth/logout", {}); } finally { accessToken = null; } };
export const searchTitles = query => call("GET", `/api/v1/titles?query=${encodeURIComponent(query)}`);
export const title = id => call("GET", `/api/v1/titles/${encodeURIComponent(id)}`);
export const startPlayback = request => call("POST", "/api/v1/playbacks", request);
export const nextEpisode = id => call("POST", `/api/v1/playbacks/${encodeURIComponent(id)}/next`);
export const endPlayback = id => call("DELETE", `/api/v1/playbacks/${encodeURIComponent(id)}`);

/** Subtitles from outside for what plays, in these languages; none means all. */
export const subtitles = (id, languages) =>
  call("GET", `/api/v1/playbacks/${encodeURIComponent(id)}/subtitles${languages.length ? `?language=${encodeURIComponent(languages.join(","))}` : ""}`);
/** One of them as WebVTT: its address is the permission. */
export const subtitleText = async address => {
  let reply;
  try { reply = await fetch(address, {credentials: "same-origin"}); } catch { throw new Problem(0, {detail: "the server cannot be reached", advice: "check that it is running and try again"}); }
  return reply.ok ? reply.text() : read(reply);
};

export const links = () => call("GET", "/api/v1/addons");
export const makeLink = name => call("POST", "/api/v1/addons", {name});
export const revokeLink = id => call("DELETE", `/api/v1/addons/${encodeURIComponent(id)}`);

/** Chapters of a film by the address of its playlist: for pages that were handed nothing else. */
export const chapters = async playlist => {
  const entries = await read(await fetch(playlist.replace(/main\.m3u8.*$/, "chapters.json"), {credentials: "same-origin"}));
  return entries.map(entry => ({start_s: entry["start-time"], end_s: entry["start-time"] + entry.duration, title: entry.titles[0].title}));
};

/** Server-sent events: `onEvent(name, data)` for each, until they end. Read with fetch, so that no token stands in an address. */
const follow = async (path, signal, onEvent) => {
  const open = () => fetch(path, {headers: {Accept: "text/event-stream", Authorization: `Bearer ${accessToken}`}, signal});
  let reply = await open();
  if (reply.status === 401 && await refresh()) reply = await open();
  if (!reply.ok) return read(reply);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return undefined;
    pending += value;
    const blocks = pending.split("\n\n");
    pending = blocks.pop();
    for (const block of blocks) {
      let name = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
      }
      if (data.length) onEvent(name, JSON.parse(data.join("\n")));
    }
  }
};

/** Releases as the indexers answer. */
export const releases = (id, device, signal, onEvent) =>
  follow(`/api/v1/titles/${encodeURIComponent(id)}/releases?device=${encodeURIComponent(device)}`, signal, onEvent);

/** What becomes of a playback. */
export const playbackEvents = (id, signal, onEvent) => follow(`/api/v1/playbacks/${encodeURIComponent(id)}/events`, signal, onEvent);
