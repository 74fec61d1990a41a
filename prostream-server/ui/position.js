// Where a viewer left a film, kept in this browser alone: the server has no list of who watched what.

const PREFIX = "position:";
const MAX_KEPT = 100;
/** Nearer to the start or the end, there is nothing to go on with; in seconds, and less for what is short. */
const MARGIN_S = 30;
const MARGIN_SHARE = 0.05;

// Storage may be switched off, full or forbidden: then films begin at their start.
const attempt = (action, otherwise) => { try { return action(); } catch { return otherwise; } };

const read = key => attempt(() => JSON.parse(localStorage.getItem(PREFIX + key)), null);
const all = () => attempt(() => Object.keys(localStorage).filter(key => key.startsWith(PREFIX)), []);

/** Seconds at which to go on; 0 for the start. */
export const recall = key => {
  const kept = key ? read(key) : null;
  return Number.isFinite(kept?.at) && kept.at > 0 ? kept.at : 0;
};

/** Keeps a position, unless it is at either end. */
export const keep = (key, at, length) => attempt(() => {
  const margin = Math.min(MARGIN_S, length * MARGIN_SHARE);
  if (!(length > 0) || !(at > margin)) return;
  if (at > length - margin) { forget(key); return; }
  if (Math.abs((read(key)?.at ?? -Infinity) - at) < 5) return;
  localStorage.setItem(PREFIX + key, JSON.stringify({at: Math.floor(at), kept: Date.now()}));
  const keys = all();
  if (keys.length <= MAX_KEPT) return;
  const age = name => attempt(() => JSON.parse(localStorage.getItem(name)).kept, 0) || 0;
  keys.sort((one, other) => age(one) - age(other)).slice(0, keys.length - MAX_KEPT).forEach(name => localStorage.removeItem(name));
}, undefined);

export const forget = key => attempt(() => localStorage.removeItem(PREFIX + key), undefined);
export const forgetAll = () => all().forEach(name => attempt(() => localStorage.removeItem(name), undefined));
