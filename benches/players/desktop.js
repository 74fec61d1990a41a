// Films in players of the desktop, without one: ffplay and VLC.
//
// ffplay begins at the front of the HLS. From the middle it plays the original file, as the server hands it out: the ffmpeg that Debian 12
// ships finds no picture after a seek in any HLS of fragmented MP4, its own included (5.1; mpv stands on the same libraries). VLC does both
// over HLS.

import {chown, mkdir, readdir, rm} from "node:fs/promises";
import {join} from "node:path";
import {LENGTH_S, numbersOf, run} from "./films.js";

const LEAST_FRAMES = 12;
const PLAYED_S = 2;
/** Frames that follow the last packet that ffplay takes, at most. */
const MOST_CUT_OFF = 4;
const LIMIT_MS = 60_000;
/** How far before the place that they were sent to players may begin: where they can, which is the key picture before it. */
const MOST_EARLY_S = 13;
/** How far behind it: VLC throws away what it could not show in time while it starts. */
const MOST_LATE_S = 3;
/** VLC refuses to be root. */
const NOBODY = 65534;

/** What is told of every frame that passes: a sum of its brightness, which no other frame of the film has. */
const SHOW = ["-vf", "showinfo"];
const sumsIn = text => [...text.matchAll(/ plane_checksum:\[([0-9A-F]{8})/g)].map(([, sum]) => sum);
/** Sums of the frames of a film, in order. */
const sumsOf = new Map();
const framesBySum = async film => {
  if (!sumsOf.has(film.path)) {
    // What an edit list cuts off is there all the same, in front of where players begin.
    const whole = film.path.endsWith(".mp4") ? ["-ignore_editlist", "1"] : [];
    const {told} = await run("ffmpeg", ["-hide_banner", "-nostdin", ...whole, "-i", film.path, "-map", "0:v", ...SHOW, "-f", "null", "-"]);
    sumsOf.set(film.path, sumsIn(told));
  }
  return sumsOf.get(film.path);
};

/** Each plays from a time on, and gives how it ended and the first and last frame that was seen, in seconds of the film, with their count. */
const play = {
  ffplay: async (film, urls, at) => {
    const env = {...process.env, SDL_VIDEODRIVER: "dummy", SDL_AUDIODRIVER: "dummy"};
    const place = at ? ["-ss", String(at), urls.file] : [urls.hls];
    const args = ["-hide_banner", "-nostats", "-autoexit", "-noframedrop", "-t", String(PLAYED_S), ...SHOW, ...place];
    const {code, signal, told} = await run("ffplay", args, {limitMs: LIMIT_MS, env, isExpectedToFail: true});
    const sums = sumsIn(told);
    const ofFilm = await framesBySum(film);
    const known = sums.map(sum => ofFilm.indexOf(sum)).filter(at => at >= 0);
    // The last ones before it stops may lack what they are made from.
    const isKnown = known.length >= sums.length - MOST_CUT_OFF;
    // Of a variable rate some frames are missing: what stays of it is a share of all.
    const perFrame = LENGTH_S / ofFilm.length;
    return {end: signal || code, told, count: sums.length, first: isKnown ? known[0] * perFrame : null, last: isKnown ? known.at(-1) * perFrame : null};
  },
  vlc: async (film, urls, at, folder) => {
    const pictures = join(folder, "vlc-pictures");
    await rm(pictures, {recursive: true, force: true});
    await mkdir(pictures);
    const isRoot = process.getuid() === 0;
    if (isRoot) await chown(pictures, NOBODY, NOBODY);
    const user = isRoot ? ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"] : [];
    const args = ["-I", "dummy", "--ignore-config", "--no-lua", "--vout", "dummy", "--aout", "dummy", "--video-filter", "scene", "--scene-format", "png",
      "--scene-ratio", "1", "--scene-prefix", "frame", "--scene-path", pictures, "--start-time", String(at), "--run-time", String(PLAYED_S), "--play-and-exit", urls.hls];
    const {code, signal, told} = await run("setpriv", [...user, "env", `HOME=${pictures}`, `XDG_RUNTIME_DIR=${pictures}`, "cvlc", ...args],
      {limitMs: LIMIT_MS, isExpectedToFail: true});
    const files = (await readdir(pictures)).filter(name => name.endsWith(".png")).sort();
    const some = [files[0], files.at(-1)].filter(Boolean).map(name => join(pictures, name));
    const [first = null, last = null] = (await numbersOf(some)).map(number => number === null ? null : number / film.fps);
    await rm(pictures, {recursive: true, force: true});
    return {end: signal || code, told, count: files.length, first, last};
  },
};
export const DESKTOP_PLAYERS = Object.keys(play);

/** Plays two seconds of a film from its start and from its middle. */
export const playOnDesktop = async (player, film, urls, folder) => {
  const wrong = [];
  for (const at of [0, LENGTH_S / 2]) {
    const {end, told, count, first, last} = await play[player](film, urls, at, folder);
    const why = told.trim().split("\n").at(-1).slice(0, 200);
    if (end !== 0) wrong.push(`from ${at} s: ends with ${end}: ${why}`);
    if (count < LEAST_FRAMES / film.held) wrong.push(`from ${at} s: ${count} frames are seen: ${why}`);
    else if (first === null || last === null) wrong.push(`from ${at} s: what is seen is no frame of the film`);
    else if (last <= first || first < at - MOST_EARLY_S || first > at + MOST_LATE_S + Math.abs(film.pictureShift)) {
      wrong.push(`from ${at} s: ${first.toFixed(2)} to ${last.toFixed(2)} s are seen`);
    }
  }
  return {wrong, times: []};
};
