// The addon over `prostream demo`: the protocol's own linter and client, and what their streams play.

import assert from "node:assert/strict";
import {execFile} from "node:child_process";
import {mkdtemp, rm, writeFile} from "node:fs/promises";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {after, before, test} from "node:test";
import {promisify} from "node:util";
import {startProgram} from "./stage.js";

const require = createRequire(import.meta.url);
const {AddonClient, detectFromURL, stringifyRequest} = require("stremio-addon-client");
const {lintCollection, lintManifest} = require("stremio-addon-linter");
const run = promisify(execFile);

const FILM_LENGTH_S = 61;
let demo, folder, link, addon;

const api = async (method, path, body) => {
  const headers = {Authorization: `Bearer ${demo.access_token}`, "Content-Type": "application/json"};
  const reply = await fetch(`${demo.api_url}${path}`, {method, headers, body: body && JSON.stringify(body)});
  const text = await reply.text();
  assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
};

before(async () => {
  demo = await startProgram(["demo", "--listen", "127.0.0.1:0"]);
  folder = await mkdtemp(join(tmpdir(), "prostream-addon-"));
  link = await api("POST", "/addons", {name: "Test", settings: {language: "en"}});
  // Fetches the manifest as Stremio does when an address is pasted, and hands it to the linter.
  ({addon} = await detectFromURL(link.manifest_url));
});

after(async () => {
  if (folder) await rm(folder, {recursive: true});
  if (demo) assert.deepEqual(await demo.stop(), {code: 0, signal: null}, "the program ends well on SIGTERM");
});

// The linter knows manifests alone. What follows are the rules that the client in the official apps has for the rest: an item that breaks one
// is dropped there without a word (stremio-core, src/types/resource/).
const isText = value => typeof value === "string" && value.length > 0;
const isAddress = value => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
const isDate = value => value === undefined || (isText(value) && !Number.isNaN(Date.parse(value)));
const assertNoNull = value => assert.ok(!JSON.stringify(value).includes("null"), "what is not known is left out");

const assertPreview = (meta, type) => {
  assertNoNull(meta);
  assert.ok(isText(meta.id) && isText(meta.name), JSON.stringify(meta));
  assert.equal(meta.type, type);
  assert.ok(["poster", "square", "landscape"].includes(meta.posterShape));
  assert.ok(meta.poster === undefined || isAddress(meta.poster));
  assert.ok(meta.releaseInfo === undefined || /^\d{4}/.test(meta.releaseInfo));
};

const assertMeta = (meta, id, type) => {
  assertPreview(meta, type);
  assert.equal(meta.id, id, "a title keeps the id that it was asked for by");
  for (const video of meta.videos || []) {
    assert.ok(isText(video.id) && isText(video.title) && isDate(video.released), JSON.stringify(video));
    assert.ok(Number.isInteger(video.season) && Number.isInteger(video.episode));
    assert.match(video.id, new RegExp(`:${video.season}:${video.episode}$`));
  }
};

const assertStream = stream => {
  assertNoNull(stream);
  assert.equal(["url", "infoHash", "externalUrl", "ytId"].filter(key => stream[key] !== undefined).length, 1, "exactly one source");
  assert.ok(isAddress(stream.url) && isText(stream.name) && isText(stream.description), JSON.stringify(stream));
  assert.equal(stream.behaviorHints.notWebReady, true, "a playlist over http is for the streaming server");
  assert.ok(isText(stream.behaviorHints.bingeGroup) && (stream.behaviorHints.filename === undefined || isText(stream.behaviorHints.filename)));
  assert.ok(stream.behaviorHints.videoSize === undefined || Number.isSafeInteger(stream.behaviorHints.videoSize));
};

/** Asks as the client does, and looks at what it does not show: how long the answer may be kept, and who may read it. */
const ask = async (resource, type, id, extra = {}) => {
  assert.ok(extra.search !== undefined || addon.isSupported(resource, type, id), `the manifest offers ${resource} ${type} ${id}`);
  const answer = await addon.get(resource, type, id, extra);
  const reply = await fetch(link.manifest_url.replace("/manifest.json", stringifyRequest([resource, type, id, extra])));
  assert.equal(reply.headers.get("access-control-allow-origin"), "*");
  assert.equal(reply.headers.get("access-control-allow-credentials"), null);
  assert.match(reply.headers.get("content-type"), /^application\/json; charset=utf-8$/);
  const [, age] = /max-age=(\d+)/.exec(reply.headers.get("cache-control")) || [undefined, "0"];
  assert.equal(answer.cacheMaxAge, Number(age), "header and body agree");
  return answer;
};

const search = async (type, text) => {
  const catalog = addon.manifest.catalogs.find(one => one.type === type && one.extra.some(extra => extra.name === "search"));
  const {metas} = await ask("catalog", type, catalog.id, {search: text});
  metas.forEach(meta => assertPreview(meta, type));
  return metas;
};

const streamsOf = async (type, id) => {
  const {streams} = await ask("stream", type, id);
  streams.forEach(assertStream);
  return streams;
};

/** Plays an address the way of a player: the redirect, playlist by playlist, the init segment and a media segment of each stream. */
const assertPlays = async address => {
  const main = await fetch(address);
  assert.ok(main.ok, `${address}: ${main.status}`);
  assert.match(main.url, /\/hls\/.*\/main\.m3u8$/, "the address leads to a playlist");
  const read = async url => {
    const reply = await fetch(url);
    assert.ok(reply.ok, `${url}: ${reply.status}`);
    assert.equal(reply.headers.get("access-control-allow-origin"), "*");
    return Buffer.from(await reply.arrayBuffer());
  };
  const uris = text => [...text.matchAll(/^#EXT-X-(?!I-FRAME).*URI="([^"]+)"|^([^#\s].*)$/gm)].map(match => match[1] || match[2]);
  const text = await main.text();
  assert.match(text, /^#EXTM3U\n/);
  const kinds = new Set();
  for (const uri of new Set(uris(text))) {
    const playlist = new URL(uri, main.url);
    const media = (await read(playlist)).toString();
    const [init, first] = uris(media);
    if (!/\.(mp4|m4s)$/.test(init)) continue; // Subtitles have no init segment.
    const bytes = Buffer.concat([await read(new URL(init, playlist)), await read(new URL(first, playlist))]);
    const file = join(folder, `${kinds.size}.mp4`);
    await writeFile(file, bytes);
    const {stdout} = await run("ffprobe", ["-v", "error", "-count_packets", "-show_entries", "stream=codec_type,codec_name,nb_read_packets", "-of", "json", file]);
    for (const stream of JSON.parse(stdout).streams) {
      assert.ok(Number(stream.nb_read_packets) > 10, `${uri}: ${stdout}`);
      kinds.add(`${stream.codec_type} ${stream.codec_name}`);
    }
  }
  assert.deepEqual([...kinds].sort(), ["audio aac", "video h264"]);
  // And the whole, from the address alone, as players built on ffmpeg open it.
  const {stdout} = await run("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of", "json", address]);
  assert.ok(Math.abs(Number(JSON.parse(stdout).format.duration) - FILM_LENGTH_S) < 2, stdout);
};

test("the linter finds nothing wrong with the manifest", async () => {
  assert.ok(addon instanceof AddonClient, "an address that is pasted is recognised as an addon");
  const manifest = await (await fetch(link.manifest_url)).json();
  const {valid, errors, warnings} = lintManifest(manifest);
  assert.deepEqual({valid, errors, warnings}, {valid: true, errors: [], warnings: []});
  const collection = lintCollection([{...addon.toDescriptor(), transportName: "http"}]);
  assert.deepEqual({valid: collection.valid, errors: collection.errors}, {valid: true, errors: []});
  assert.ok(JSON.stringify(manifest).length < 8192, "the protocol's limit");
  assertNoNull(manifest);
  for (const [name, types] of [["catalog", 2], ["meta", 2], ["stream", 2], ["subtitles", 2]]) {
    assert.equal(manifest.resources.find(resource => resource.name === name).types.length, types, `${name} is offered for films and series`);
  }
});

test("what is watched these days is listed for each type", async () => {
  for (const type of ["movie", "series"]) {
    const catalog = addon.manifest.catalogs.find(one => one.type === type && one.id === "trending");
    assert.ok(catalog, `${type} has one`);
    const {metas} = await ask("catalog", type, catalog.id);
    assert.ok(metas.length > 0, `${type} has some`);
    metas.forEach(meta => assertPreview(meta, type));
    const beyond = await ask("catalog", type, catalog.id, {skip: metas.length});
    assert.deepEqual(beyond.metas, [], "a page that is not full is the last one");
  }
});

test("a film: from the search to pictures and sound", {timeout: 60_000}, async () => {
  const [found, ...others] = await search("movie", "Paper Lanterns");
  assert.equal(others.length, 0);
  const {meta} = await ask("meta", "movie", found.id);
  assertMeta(meta, found.id, "movie");
  assert.match(meta.behaviorHints.defaultVideoId, /^tt\d+$/, "by IMDb, which other addons know");
  const {subtitles} = await ask("subtitles", "movie", meta.behaviorHints.defaultVideoId, {filename: "a & b.mkv", videoSize: 1});
  assert.deepEqual(subtitles.map(one => one.lang), ["eng", "fra", "deu"]);
  assert.match(await (await fetch(subtitles[0].url)).text(), /^WEBVTT\n\n00:00:02\.000 --> 00:00:03\.500\nLantern 1\n/);
  const streams = await streamsOf("movie", meta.behaviorHints.defaultVideoId);
  assert.ok(streams.length >= 4, JSON.stringify(streams));
  assert.match(streams[0].name, /Best/, "what a player takes by itself is what plays");
  const byOwnId = await streamsOf("movie", found.id);
  // What was learned between the two answers may have moved one.
  const names = all => all.map(stream => stream.behaviorHints.filename || stream.name).sort();
  assert.deepEqual(names(byOwnId), names(streams), "also by the id of the search");
  await assertPlays(streams[0].url);
  const chosen = streams.find(stream => /\.360p\./.test(stream.description));
  assert.match(chosen.name, /360p/);
  assert.match(chosen.behaviorHints.filename, /^Paper\.Lanterns\.at\.Noon\.2019\.360p/);
  await assertPlays(chosen.url);
});

test("a series: an episode, and the next one by its group", {timeout: 60_000}, async () => {
  const [found] = await search("series", "Harbour Lights");
  assert.deepEqual(await search("movie", "Harbour Lights"), [], "a catalogue has its own type alone");
  const {meta} = await ask("meta", "series", found.id);
  assertMeta(meta, found.id, "series");
  assert.equal(meta.videos.length, 3);
  const [second, third] = await Promise.all([meta.videos[1], meta.videos[2]].map(video => streamsOf("series", video.id)));
  const pack = second.find(stream => /\.S01\./.test(stream.description));
  for (const stream of [second[0], pack]) {
    assert.ok(third.some(one => one.behaviorHints.bingeGroup === stream.behaviorHints.bingeGroup), JSON.stringify(stream));
    await assertPlays(stream.url);
  }
});

test("a film as .strm and a season as .m3u", {timeout: 60_000}, async () => {
  const fill = (template, type, id) => template.replace("{type}", type).replace("{id}", id);
  const [film] = await search("movie", "2047");
  const strm = await (await fetch(fill(link.strm_url_template, "movie", film.id))).text();
  assert.match(strm, /^http:\S+\n$/, "one address and nothing else");
  await assertPlays(strm.trim());
  const [series] = await search("series", "Harbour Lights");
  const list = await (await fetch(fill(link.m3u_url_template, "series", `${series.id}:1`))).text();
  assert.match(list, /^#EXTM3U\n/);
  const names = [...list.matchAll(/^#EXTINF:\d+,(.*)$/gm)].map(match => match[1]);
  assert.deepEqual(names, ["Harbour Lights S01E01 Low Water", "Harbour Lights S01E02 The Second Keeper", "Harbour Lights S01E03 Fog Signal"]);
  const addresses = list.split("\n").filter(line => line.startsWith("http"));
  assert.equal(addresses.length, 3);
  await assertPlays(addresses[2]);
});

test("what is not there is nothing, and a revoked link is none", async () => {
  assert.deepEqual(await search("movie", "no such film at all"), []);
  assert.deepEqual(await streamsOf("movie", "tt9999999"), []);
  await assert.rejects(addon.get("meta", "movie", "tt9999999"), {message: "Not found"});
  await assert.rejects(addon.get("catalog", "movie", "no such catalogue"), {message: "Not found"});
  await api("DELETE", `/addons/${link.id}`);
  await assert.rejects(detectFromURL(link.manifest_url));
  await assert.rejects(addon.get("stream", "movie", "tt9999999"), {message: "Not found"});
});
