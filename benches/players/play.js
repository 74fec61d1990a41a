#!/usr/bin/env node
// Do players play what the server makes of a film? Generated films of every container and codec that Chromium decodes, in hls.js, Shaka Player
// and the browser itself, in ffplay and in VLC. In the browser ten seeks a film: no error event of the player, and at each the frame number in the
// picture, the text and the beep that is heard belong to that time. ffplay and VLC play from the start and from the middle.
//
//   cd benches/players && npm ci --ignore-scripts && PROSTREAM_BIN=../../target/release/prostream node play.js
//
//   --short            four films in hls.js and Shaka Player, for CI: about two minutes
//   --film TEXT        films whose names contain it         --player NAME     hls.js, shaka, native, ffplay or vlc
//   --keep FOLDER      leaves the films there               --list            names the films
//
// Needs ffmpeg, Debian's chromium (or PROSTREAM_CHROMIUM), ffplay and cvlc: players that are missing are named and left out, which only --player
// makes an error. Exit code 1 when anything is wrong.

import {spawn, spawnSync} from "node:child_process";
import {chmod, mkdir, mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {createInterface} from "node:readline";
import {parseArgs} from "node:util";
import {BROWSER_PLAYERS, openBrowser} from "./browser.js";
import {DESKTOP_PLAYERS, playOnDesktop} from "./desktop.js";
import {FILMS, openWorkshop} from "./films.js";

const {values: options} = parseArgs({options: {
  short: {type: "boolean"}, list: {type: "boolean"}, film: {type: "string"}, player: {type: "string"}, keep: {type: "string"},
}});
const ALL_PLAYERS = [...BROWSER_PLAYERS, ...DESKTOP_PLAYERS];
const PROGRAMS = {ffplay: "ffplay", vlc: "cvlc"};

/** Starts `prostream play FILE` and waits until it says where. */
const serve = async path => {
  if (!process.env.PROSTREAM_BIN) throw new Error("PROSTREAM_BIN names no binary");
  // Our own variables are settings to the program.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PROSTREAM_")));
  const child = spawn(process.env.PROSTREAM_BIN, ["play", path, "--json"], {stdio: ["ignore", "pipe", "inherit"], env});
  const ended = new Promise(resolve => child.once("exit", (code, signal) => resolve(signal || code)));
  const line = await Promise.race([
    new Promise(resolve => createInterface({input: child.stdout}).once("line", resolve)),
    ended.then(how => { throw new Error(`prostream ended with ${how}`); }),
  ]);
  const {hls_url: hls, file_url: file, error} = JSON.parse(line);
  if (error) throw new Error(`prostream play: ${error.message}`);
  return {urls: {hls, file}, stop: async () => { child.kill("SIGTERM"); await ended; }};
};

const pickPlayers = () => {
  if (options.player) {
    if (!ALL_PLAYERS.includes(options.player)) throw new Error(`--player is one of ${ALL_PLAYERS.join(", ")}`);
    return [options.player];
  }
  if (options.short) return ["hls.js", "shaka"];
  return ALL_PLAYERS.filter(player => {
    const program = PROGRAMS[player];
    const isThere = !program || spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
    if (!isThere) console.log(`${program} is missing: left out`);
    return isThere;
  });
};

const main = async () => {
  const films = FILMS.filter(film => options.film ? film.name.includes(options.film) : !options.short || film.isShort);
  if (options.list) { console.log(films.map(film => film.name).join("\n")); return true; }
  const players = pickPlayers();
  const folder = options.keep || await mkdtemp(join(tmpdir(), "prostream-players-"));
  await mkdir(folder, {recursive: true});
  // VLC may have to be someone else.
  await chmod(folder, 0o711);
  const workshop = await openWorkshop(folder);
  const browser = players.some(player => BROWSER_PLAYERS.includes(player)) && await openBrowser();
  if (browser) console.log(`Chromium ${browser.version}`);
  let [good, bad] = [0, 0];
  try {
    for (const wish of films) {
      const film = await workshop.make(wish);
      const server = await serve(film.path).catch(error => { console.log(`${film.name}: WRONG\n    ${error.message}`); });
      if (!server) { bad += 1; continue; }
      try {
        for (const player of players) {
          const {wrong, times, frames} = BROWSER_PLAYERS.includes(player)
            ? await browser.play(player, film, server.urls.hls)
            : await playOnDesktop(player, film, server.urls, folder);
          const middle = times.length ? `, seeks ${[...times].sort((one, other) => one - other)[times.length >> 1]} ms` : "";
          const starved = frames?.starvedCount ? `, ${frames.starvedCount} stalls of a busy machine` : "";
          const dropped = frames ? `, ${frames.droppedVideoFrames} of ${frames.totalVideoFrames} frames dropped${starved}` : "";
          console.log(`${film.name} in ${player}: ${wrong.length ? `WRONG\n    ${wrong.join("\n    ")}` : `good${middle}${dropped}`}`);
          if (wrong.length) bad += 1; else good += 1;
        }
      } finally {
        await server.stop();
      }
    }
  } finally {
    if (browser) await browser.close();
    if (!options.keep) await rm(folder, {recursive: true, force: true});
  }
  console.log(`${films.length} films in ${players.join(", ")}`);
  // As test runners close.
  console.log(`${good} passed, ${bad} failed`);
  return bad === 0;
};

process.exitCode = await main() ? 0 : 1;
