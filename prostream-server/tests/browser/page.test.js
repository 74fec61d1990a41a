// The page over `prostream demo`: what a newcomer does, in Chromium.

import assert from "node:assert/strict";
import {execFile} from "node:child_process";
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {after, before, test} from "node:test";
import {promisify} from "node:util";
import {openPage, startBrowser, startProgram} from "./stage.js";

const FRAMES_PER_S = 24;
const SEEKS = [41.3, 7.9, 58.75, 0.52, 29.98];
let demo, browser;

before(async () => {
  [demo, browser] = await Promise.all([startProgram(["demo", "--listen", "127.0.0.1:0"]), startBrowser()]);
});

after(async () => {
  await browser?.close();
  if (demo) assert.deepEqual(await demo.stop(), {code: 0, signal: null}, "the program ends well on SIGTERM");
});

const isPlaying = () => {
  const video = document.querySelector("video");
  return video.readyState >= 3 && !video.paused && video.currentTime > 0.4;
};

const choose = async (page, name, program = demo) => {
  await page.goto(program.page_url);
  await page.fill("#query", name);
  await page.press("#query", "Enter");
  await page.click(".card");
  await page.waitForSelector("#releases li");
};

/** Goal: the burnt-in number agrees with the clock within one frame, wherever the viewer goes. */
const assertSeeksAreExact = async page => {
  await page.evaluate(() => document.querySelector("video").pause());
  for (const seconds of SEEKS) {
    const {number, time} = await page.evaluate(at => window.seekTo(at), seconds);
    assert.notEqual(number, null, `a frame number can be read at ${seconds} s`);
    assert.ok(Math.abs(number - time * FRAMES_PER_S) <= 1.5, `frame ${number} is shown at ${time} s`);
  }
};

test("search, pick, play, seek, switch sound and subtitles, broken, next one", {timeout: 120_000}, async () => {
  const {page, wrong, hosts, close} = await openPage(browser);
  await choose(page, "Paper Lanterns");
  await page.waitForFunction(() => document.querySelectorAll("#releases .reasons span").length > 0);
  assert.ok(await page.isVisible("#rejected"), "another film is left out, with its reason");
  if (process.env.PROSTREAM_SCREENSHOTS) await page.screenshot({path: `${process.env.PROSTREAM_SCREENSHOTS}/releases.png`});

  await page.click("#releases li:first-child button");
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  assert.match(await page.textContent("#player-note"), /hls\.js/);
  const first = await page.evaluate(() => window.readFrameNumber());
  await page.waitForTimeout(1_000);
  const later = await page.evaluate(() => window.readFrameNumber());
  assert.ok(later > first, `frames advance: ${first}, then ${later}`);

  await assertSeeksAreExact(page);

  // Sound: track k beeps at 500 + 2000 k + 100 (s mod 16) Hz.
  const play = from => page.evaluate(async at => { await window.seekTo(at); await document.querySelector("video").play(); }, from);
  await play(20.2);
  const english = await page.evaluate(() => window.listen(2_500));
  assert.ok(english.hertz > 400 && english.hertz < 2_100, `English is heard: ${english.hertz} Hz`);
  await page.selectOption("#audio", {label: "Français"});
  await page.waitForTimeout(1_500);
  await play(30.2);
  await page.waitForFunction(() => document.querySelector("video").currentTime > 30.4);
  const french = await page.evaluate(() => window.listen(2_500));
  assert.ok(french.hertz > 2_400 && french.hertz < 4_100, `French is heard: ${french.hertz} Hz`);

  // Subtitles: cue n says "Second n" from n to n + 0.9.
  const cue = () => page.waitForFunction(() => {
    const active = [...document.querySelector("video").textTracks].filter(track => track.mode === "showing").flatMap(track => [...(track.activeCues || [])]);
    return active.length ? {text: active[0].text, start: active[0].startTime, time: document.querySelector("video").currentTime} : null;
  }, undefined, {timeout: 15_000}).then(handle => handle.jsonValue());
  for (const [label, word] of [["English", "Second"], ["Français", "Seconde"]]) {
    await page.selectOption("#subtitle", {label});
    await page.waitForFunction(wanted => {
      const active = [...document.querySelector("video").textTracks].filter(track => track.mode === "showing").flatMap(track => [...(track.activeCues || [])]);
      return active.some(one => one.text.startsWith(`${wanted} `));
    }, word, {timeout: 15_000});
    const {text, start, time} = await cue();
    const second = Number(text.slice(word.length));
    assert.ok(Math.abs(start - second) < 0.05 && Math.abs(time - second) < 1.1, `“${text}” is shown from ${start} s, seen at ${time} s`);
  }
  if (process.env.PROSTREAM_SCREENSHOTS) await page.screenshot({path: `${process.env.PROSTREAM_SCREENSHOTS}/player.png`});

  // Other players take the same film.
  assert.ok(await page.isVisible("#list-link"), "desktop players are offered the file");
  const list = await page.evaluate(async () => (await fetch(document.querySelector("#list-link").href)).text());
  assert.match(list, /^#EXTM3U\n#EXTENC:UTF-8\n#EXTINF:\d+,Paper Lanterns.* \(\d{4}\)\n.*\/file\n$/);

  // Broken: another release goes on at the same place.
  const name = await page.textContent("#playing-release");
  const before = await page.evaluate(() => document.querySelector("video").currentTime);
  await page.click("#next-release");
  await page.waitForFunction(old => document.querySelector("#playing-release").textContent !== old, name, {timeout: 20_000});
  await page.waitForFunction(() => { const video = document.querySelector("video"); return video.readyState >= 3 && !video.seeking; }, undefined, {timeout: 20_000});
  const resumed = await page.evaluate(() => document.querySelector("video").currentTime);
  assert.ok(Math.abs(resumed - before) < 5, `it went on at ${resumed} s after ${before} s`);

  assert.deepEqual(wrong, [], "nothing went wrong on the page");
  assert.deepEqual([...hosts], [new URL(demo.page_url).host], "the page asks no other host");
  await close();
});

test("a film whose file is lost goes on with another release, where it was", {timeout: 120_000}, async () => {
  // Noise, so that the film is far larger than what the player and the server read ahead: about 60 s.
  const folder = await mkdtemp(join(tmpdir(), "prostream-film-"));
  const film = join(folder, "film.mkv");
  await promisify(execFile)("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24:duration=100,noise=alls=80:allf=t:all_seed=1",
    "-f", "lavfi", "-i", "sine=duration=100", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "12M", "-g", "48", "-c:a", "aac", film]);
  const losing = await startProgram(["demo", "--listen", "127.0.0.1:0", "--film", film, "--lose-after", "3"]);
  try {
    const {page, wrong, close} = await openPage(browser);
    await choose(page, "Paper Lanterns", losing);
    await page.waitForFunction(() => document.querySelectorAll("#releases li").length > 1);
    await page.click("#releases li:first-child button");
    await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
    const first = await page.textContent("#playing-release");
    // Far from what was read, once the file is gone.
    await page.waitForTimeout(4_000);
    await page.evaluate(() => { document.querySelector("video").currentTime = 85; });
    await page.waitForFunction(name => document.querySelector("#playing-release").textContent !== name, first, {timeout: 40_000});
    await page.waitForFunction(() => { const video = document.querySelector("video"); return video.readyState >= 3 && video.currentTime > 85.5; }, undefined, {timeout: 20_000});
    const at = await page.evaluate(() => document.querySelector("video").currentTime);
    assert.ok(at < 95, `it went on at ${at} s`);
    const notice = await page.textContent("#notice");
    assert.ok(notice.includes(first) && notice.includes(await page.textContent("#playing-release")), notice);
    assert.ok(!await page.isVisible("#problem"), "nothing is left to complain about");
    if (process.env.PROSTREAM_SCREENSHOTS) await page.screenshot({path: `${process.env.PROSTREAM_SCREENSHOTS}/another.png`});
    assert.deepEqual(wrong, []);
    await close();
  } finally {
    await losing.stop();
    await rm(folder, {recursive: true});
  }
});

test("a film goes on where its viewer stopped, or from the start", {timeout: 60_000}, async () => {
  const {page, wrong, close} = await openPage(browser);
  const start = async () => {
    await page.click("#releases li:first-child button");
    await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  };
  const position = () => page.evaluate(() => document.querySelector("video").currentTime);
  await choose(page, "Paper Lanterns");
  await start();
  assert.ok(await position() < 10, "nothing is known of it yet");
  assert.ok(!await page.isVisible("#from-start"));
  await page.evaluate(() => window.seekTo(33));
  await page.waitForFunction(() => document.querySelector("video").currentTime > 33.3);
  await page.click("#close-player");
  await start();
  const resumed = await position();
  assert.ok(resumed > 30 && resumed < 40, `it goes on at ${resumed} s`);
  await page.click("#from-start");
  await page.waitForFunction(() => document.querySelector("video").currentTime < 10);
  assert.ok(!await page.isVisible("#from-start"));
  assert.deepEqual(wrong, []);
  await close();
});

test("an episode plays from its season pack, and the next one after it", {timeout: 60_000}, async () => {
  const {page, wrong, close} = await openPage(browser);
  await choose(page, "Harbour Lights");
  await page.selectOption("#episode", "2");
  await page.waitForFunction(() => /S01\./.test(document.querySelector("#releases li")?.textContent || ""));
  await page.click("#releases li:first-child button");
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  assert.match(await page.textContent("#playing-release"), /S01E02/);
  assert.ok(!await page.isVisible("#next-episode"), "it is not near its end");
  await page.evaluate(() => { document.querySelector("video").currentTime = 45; });
  await page.waitForSelector("#next-episode:not([hidden])", {timeout: 10_000});
  await page.click("#next-episode");
  await page.waitForFunction(() => /S01E03/.test(document.querySelector("#playing-release").textContent), undefined, {timeout: 20_000});
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  assert.match(await page.textContent("#playing"), /season 1, episode 3/);
  assert.deepEqual(wrong, []);
  await close();
});

test("what nobody has is fetched, shown as it comes, and plays; or is cancelled", {timeout: 60_000}, async () => {
  const {page, wrong, close} = await openPage(browser);
  await choose(page, "Slow Boat");
  const ask = async () => {
    await page.click("#releases li:first-child button");
    await page.waitForSelector("#fetching:not([hidden])");
    assert.ok(!await page.isVisible("#problem") && !await page.isVisible("#fetching-progress"), "it is an offer, not a failure");
    await page.click("#fetch");
    await page.waitForFunction(() => document.querySelector("#fetching-progress").value > 0);
  };
  await ask();
  assert.ok(!await page.isVisible("#fetch"));
  assert.match(await page.textContent("#fetching-text"), /fetches A\.Slow\.Boat/);
  assert.match(await page.textContent("#fetching-facts"), /^\d+ % · \d.* [kM]B\/s · \d+ s$/);
  if (process.env.PROSTREAM_SCREENSHOTS) await page.screenshot({path: `${process.env.PROSTREAM_SCREENSHOTS}/fetching.png`});
  await page.click("#fetch-cancel");
  await page.waitForSelector("#fetching", {state: "hidden"});
  await page.waitForTimeout(1_500);
  assert.ok(await page.isVisible("#releases") && !await page.isVisible("#problem"), "the viewer is where he was");

  // From the beginning: the first one was taken away.
  await ask();
  const first = await page.evaluate(() => document.querySelector("#fetching-progress").value);
  assert.ok(first < 0.5, `it begins anew: ${first}`);
  await page.waitForFunction(before => document.querySelector("#fetching-progress").value > before, first);
  await page.waitForFunction(isPlaying, undefined, {timeout: 30_000});
  assert.ok(!await page.isVisible("#fetching"));
  assert.match(await page.textContent("#playing"), /A Slow Boat Upriver/);
  assert.match(await page.textContent("#why"), /alldebrid fetched/);
  assert.deepEqual(wrong, []);
  await close();
});

test("subtitles from outside are found, shown, and moved in time; what is in the way is said", {timeout: 120_000}, async () => {
  const {page, wrong, hosts, close} = await openPage(browser);
  const showing = () => page.evaluate(() => [...document.querySelector("video").textTracks].filter(track => track.mode === "showing")
    .map(track => ({language: track.language, cues: [...(track.cues || [])].slice(0, 2).map(one => [one.startTime, one.endTime, one.text])})));
  const said = pattern => page.waitForFunction(wanted => new RegExp(wanted).test(document.querySelector("#found-text").textContent), pattern.source);
  await choose(page, "Paper Lanterns");
  await page.click("#releases li:first-child button");
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  await page.click("#find-subtitles");
  await said(/^One subtitle found\.$/);
  assert.match(await page.textContent("#found-list li"), /^English · Paper\.Lanterns.*Show.*made for this very file.*opensubtitles$/);
  await page.click("#found-all");
  await said(/^3 subtitles found\.$/);
  const listed = await page.locator("#found-list li").allTextContents();
  assert.match(listed[0], /very file/, "that of the very file stands first");
  assert.ok(listed.some(text => /German.*translated by a machine/.test(text)), listed.join("; "));

  await page.click("#found-list li:has-text('French') button");
  await said(/^Shown\./);
  assert.deepEqual(await showing(), [{language: "fr", cues: [[2, 3.5, "Lanterne 1"], [4, 5.5, "Lanterne 2"]]}]);
  await page.click("#found-list li:has-text('very file') button");
  await page.waitForFunction(() => document.querySelector("#found-list li[aria-current=true]")?.textContent.startsWith("English"));
  assert.deepEqual(await showing(), [{language: "en", cues: [[2, 3.5, "Lantern 1"], [4, 5.5, "Lantern 2"]]}], "one at a time");
  for (let press = 0; press < 5; press++) await page.click("#found-earlier");
  assert.equal(await page.textContent("#found-by"), "−2.5 s");
  assert.deepEqual((await showing())[0].cues, [[0, 1, "Lantern 1"], [1.5, 3, "Lantern 2"]]);
  for (let press = 0; press < 6; press++) await page.click("#found-later");
  assert.equal(await page.textContent("#found-by"), "+0.5 s");
  assert.deepEqual((await showing())[0].cues, [[2.5, 4, "Lantern 1"], [4.5, 6, "Lantern 2"]], "what was cut off is whole again");
  await page.evaluate(async () => { document.querySelector("video").pause(); await window.seekTo(4.8); });
  const active = () => page.evaluate(() => [...document.querySelector("video").textTracks].filter(track => track.mode === "showing").flatMap(track => [...(track.activeCues || [])]).map(one => one.text));
  await page.waitForFunction(() => [...document.querySelector("video").textTracks].some(track => track.mode === "showing" && track.activeCues?.length));
  assert.deepEqual(await active(), ["Lantern 2"]);
  if (process.env.PROSTREAM_SCREENSHOTS) await page.screenshot({path: `${process.env.PROSTREAM_SCREENSHOTS}/subtitles.png`, fullPage: true});

  // It stands among the others: these take its place, and it theirs.
  const label = await page.evaluate(() => document.querySelector("#subtitle").selectedOptions[0].textContent);
  assert.equal(label, "English (found)");
  await page.selectOption("#subtitle", {label: "Français"});
  await page.waitForFunction(() => [...document.querySelector("video").textTracks].filter(track => track.mode === "showing").length === 1);
  await page.waitForFunction(() => [...document.querySelector("video").textTracks].some(track => track.mode === "showing" && track.label === "Français"));
  await page.selectOption("#subtitle", {label: "English (found)"});
  await page.waitForFunction(() => { const tracks = [...document.querySelector("video").textTracks].filter(track => track.mode === "showing"); return tracks.length === 1 && tracks[0].language === "en" && !tracks[0].label; });
  await page.selectOption("#subtitle", {label: "Off"});
  await page.waitForFunction(() => [...document.querySelector("video").textTracks].every(track => track.mode !== "showing"));

  // Another release of the same film goes on with it, moved as it was.
  await page.selectOption("#subtitle", {label: "English (found)"});
  await page.click("#next-release");
  await said(/^The subtitle goes on with this file\./);
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  assert.equal(await page.textContent("#found-by"), "+0.5 s");
  assert.deepEqual(await showing(), [{language: "en", cues: [[2.5, 4, "Lantern 1"], [4.5, 6, "Lantern 2"]]}]);
  await page.click("#find-subtitles");
  await said(/subtitles? found\.$|^There are no subtitles in your languages\.$/);
  await page.click("#found-all");
  await said(/subtitles? found\.$/);

  // What is in the way is said beside the film, with what helps.
  const refuse = (path, status, problem) => page.route(path, route => route.fulfill({status, contentType: "application/problem+json", body: JSON.stringify({status, ...problem})}));
  await refuse("**/subtitles/*.vtt*", 403, {code: "account_limit", detail: "the downloads of today are used up", advice: "try again after midnight"});
  await page.click("#found-list li:has-text('German') button");
  await said(/^the downloads of today are used up\. try again after midnight\.$/);
  await refuse("**/api/v1/playbacks/*/subtitles*", 404, {code: "not_found", detail: "no subtitle provider is configured", advice: "configure OpenSubtitles"});
  await page.click("#find-subtitles");
  assert.ok(!await page.isVisible("#found"));
  await page.click("#find-subtitles");
  await said(/^no subtitle provider is configured\. configure OpenSubtitles\.$/);
  assert.ok(!await page.isVisible("#problem"), "the film plays on");

  // The next film begins without.
  await page.click("#close-player");
  await page.click("#releases li:first-child button");
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  assert.ok(!await page.isVisible("#found") && await page.isVisible("#find-subtitles"));
  assert.deepEqual((await page.locator("#subtitle option").allTextContents()).filter(text => /found/.test(text)), []);
  assert.equal(await page.evaluate(() => [...document.querySelectorAll("video track")].filter(track => !track.label).length), 0);
  assert.deepEqual(wrong, [], "nothing went wrong on the page");
  assert.deepEqual([...hosts], [new URL(demo.page_url).host], "the page asks no other host");
  await close();
});

test("a list of releases that changes under the viewer loses neither his press nor his place", {timeout: 60_000}, async () => {
  const {page, wrong, close} = await openPage(browser);
  const asked = [];
  // A second answer after the first: it puts another release on top. Both are given out by the test, when it wants.
  const told = [];
  await page.exposeFunction("toldNext", () => new Promise(resolve => told.push(resolve)));
  await page.addInitScript(() => {
    const plain = window.fetch;
    window.fetch = async (input, init) => {
      const answer = await plain(input, init);
      if (!/\/releases\?/.test(String(input.url || input)) || !/event-stream/.test(answer.headers.get("content-type"))) return answer;
      const text = await answer.text();
      const ranked = text.split("\n\n").filter(event => /^event: ?ranked$/m.test(event)).at(-1);
      const [, data] = /^data: ?(.*)$/m.exec(ranked);
      const list = JSON.parse(data);
      const turned = JSON.stringify({...list, candidates: [...list.candidates].reverse()});
      const body = new ReadableStream({async start(out) {
        const write = part => out.enqueue(new TextEncoder().encode(part));
        write(`${ranked}\n\n`);
        await window.toldNext();
        write(`event: ranked\ndata: ${turned}\n\n`);
        await window.toldNext();
        write(`event: ranked\ndata: ${data}\n\n`);
        out.close();
      }});
      return new Response(body, {status: answer.status, headers: answer.headers});
    };
  });
  page.on("request", request => {
    if (request.method() === "POST" && /\/playbacks$/.test(request.url())) asked.push(request.postDataJSON().release);
  });
  await choose(page, "Paper Lanterns");
  const order = () => page.evaluate(() => [...document.querySelectorAll("#releases li")].map(one => one.dataset.release));
  const focused = () => page.evaluate(() => document.activeElement.closest("#releases li")?.dataset.release);
  const first = await order();
  assert.ok(first.length > 1);
  // By keyboard: the release that had the focus has it still, in its new place.
  await page.focus("#releases li:first-child button");
  while (!told.length) await page.waitForTimeout(20);
  told.shift()();
  await page.waitForFunction(last => document.querySelector("#releases li:last-child").dataset.release === last, first[0]);
  assert.equal(await focused(), first[0]);
  // By pointer: the list comes only after the press.
  const {x, y, width, height} = await page.locator("#releases li:first-child button").boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  while (!told.length) await page.waitForTimeout(20);
  told.shift()();
  await page.waitForTimeout(300);
  assert.deepEqual(await order(), [...first].reverse(), "it waits for the press to end");
  await page.mouse.up();
  await page.waitForFunction(best => document.querySelector("#releases li").dataset.release === best, first[0]);
  while (!asked.length) await page.waitForTimeout(20);
  assert.deepEqual(asked, [first.at(-1)], "what was pressed is what was aimed at");
  assert.deepEqual(wrong, []);
  await close();
});

test("without the player library the browser plays by itself, and the page says so", {timeout: 60_000}, async () => {
  const {page, close} = await openPage(browser);
  await page.route("**/hls.js", route => route.fulfill({contentType: "text/javascript", body: ""}));
  await choose(page, "2047");
  await page.click("#releases li:first-child button");
  await page.waitForFunction(isPlaying, undefined, {timeout: 20_000});
  assert.match(await page.textContent("#player-note"), /by the browser itself/);
  await assertSeeksAreExact(page);
  await close();
});

test("a link for other players is made, leads to the title, and is revoked", {timeout: 60_000}, async () => {
  const {page, wrong, close} = await openPage(browser);
  await choose(page, "2047");
  await page.click("#links summary");
  await page.fill("#link-name", "Living room");
  await page.click("#link-form button");
  await page.waitForSelector("#new-link:not([hidden])");
  const manifest = await page.inputValue("#manifest-url");
  assert.equal((await (await fetch(manifest)).json()).name, "ProStream · Living room");
  assert.ok(!await page.isVisible("#install-link"), "Stremio installs from https alone");
  await page.waitForSelector("#link-list li");
  if (process.env.PROSTREAM_SCREENSHOTS) await page.screenshot({path: `${process.env.PROSTREAM_SCREENSHOTS}/links.png`, fullPage: true});
  for (const [id, pattern] of [["#strm-link", /^http:\S+\n$/], ["#m3u-link", /^#EXTM3U\n[^]*,2047 \(2016\)\nhttp:\S+\n$/]]) {
    const text = await page.evaluate(async one => (await fetch(document.querySelector(one).href)).text(), id);
    assert.match(text, pattern);
  }
  await page.click("#link-list button");
  await page.waitForFunction(() => !document.querySelector("#link-list li") && document.querySelector("#new-link").hidden);
  assert.equal((await fetch(manifest)).status, 404);
  assert.deepEqual(wrong, []);
  await close();
});

test("a search without an answer says so", {timeout: 30_000}, async () => {
  const {page, close} = await openPage(browser);
  await page.goto(demo.page_url);
  await page.fill("#query", "no such film at all");
  await page.press("#query", "Enter");
  await page.waitForFunction(() => /No title is called/.test(document.querySelector("#notice").textContent));
  await close();
});

test("the set-up link makes the administrator, who stays signed in and can come back", {timeout: 60_000}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "prostream-page-"));
  const server = await startProgram(["serve", "--listen", "127.0.0.1:0", "--data", join(folder, "data")]);
  const {page, wrong, close} = await openPage(browser);
  const signIn = async password => {
    await page.fill("#user-name", "anna");
    await page.fill("#password", password);
    await page.click("#sign-in-form button");
  };
  try {
    await page.goto(server.setup_url);
    await page.waitForSelector("#setup-note:not([hidden])");
    await signIn("correct horse battery");
    await page.waitForSelector("#search:not([hidden])");
    await page.reload();
    await page.waitForSelector("#sign-out:not([hidden])");
    await page.click("#sign-out");
    await page.waitForSelector("#sign-in:not([hidden])");
    await signIn("something else entirely");
    await page.waitForSelector("#problem:not([hidden])");
    await signIn("correct horse battery");
    await page.waitForSelector("#search:not([hidden])");
    assert.deepEqual(wrong, []);
  } finally {
    await close();
    assert.deepEqual(await server.stop(), {code: 0, signal: null});
    await rm(folder, {recursive: true});
  }
});
