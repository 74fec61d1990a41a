// Films in headless Chromium: hls.js, Shaka Player, and what the browser plays by itself.

import {createServer} from "node:http";
import {existsSync} from "node:fs";
import {readFile} from "node:fs/promises";
import {fileURLToPath} from "node:url";
import {chromium} from "playwright-core";
import {frameNumber, LENGTH_S} from "./films.js";

const CHROMIUM = process.env.PROSTREAM_CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(path => existsSync(path));
export const BROWSER_PLAYERS = ["hls.js", "shaka", "native"];

const SEEK_COUNT = 10;
const FIRST_SEEK_S = 5.3;
/** Longest wait for a picture, and for a beep that comes every second. */
const SEEK_LIMIT_MS = 10_000, BEEP_LIMIT_MS = 15_000, LOOK_LIMIT_MS = 5_000;
/** Where the film begins on the time line of a player: the delay of decoders and the priming of the sound move all tracks alike. */
const MOST_BEGINNING_S = 0.2;
/** How far a clock may be from the time of a picture, in frames. */
const CLOCK_FRAMES = 0.1;
/** How far a beep may be heard from its second: the way from the decoder to the page takes some time. */
const MOST_SECONDS_OFF = 0.3;
/** Of a film in which only sound or only pictures come for longer, players may say that they go on behind that hole. */
const SMALL_HOLE_S = 0.1;

const own = name => fileURLToPath(new URL(name, import.meta.url));
const FILES = {
  "/": [own("page.html"), "text/html"],
  "/page.js": [own("page.js"), "text/javascript"],
  "/hls.js": [own("node_modules/hls.js/dist/hls.min.js"), "text/javascript"],
  "/shaka.js": [own("node_modules/shaka-player/dist/shaka-player.compiled.js"), "text/javascript"],
};

/** A browser, and a host for the page. */
export const openBrowser = async () => {
  const host = createServer(async (request, response) => {
    const [path, type] = FILES[request.url] || [];
    if (!path) return response.writeHead(404).end();
    response.writeHead(200, {"content-type": `${type}; charset=utf-8`}).end(await readFile(path));
  });
  await new Promise(resolve => host.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // No sandbox: tests may run as root. Nothing is asked for but our own hosts.
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  });
  return {
    version: browser.version(),
    play: (player, film, url) => play(browser, `http://127.0.0.1:${host.address().port}/`, player, film, url),
    close: async () => { await browser.close(); host.close(); host.closeAllConnections(); },
  };
};

/** Random, but the same in every run. */
const randomFrom = seed => () => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return seed / 2 ** 32; };

/** Plays a film and seeks in it. Gives what is wrong: nothing, if all is well. */
const play = async (browser, pageUrl, player, film, url) => {
  const context = await browser.newContext({viewport: {width: 640, height: 360}});
  const page = await context.newPage();
  const wrong = [], times = [];
  page.on("pageerror", error => wrong.push(`page: ${error}`));
  try {
    await page.goto(pageUrl);
    const hasHole = Math.abs(film.pictureShift - film.soundShift) > SMALL_HOLE_S;
    if (!await page.evaluate(([player, url, hasHole]) => stage.start(player, url, hasHole), [player, url, hasHole])) {
      return {wrong: [...wrong, ...await page.evaluate(() => stage.errors()), "it does not start"], times};
    }
    // The browser offers neither texts nor other sounds of its own HLS.
    const hasChoice = player !== "native";
    if (film.hasText && hasChoice) await page.evaluate(() => stage.chooseText(0));
    const duration = await page.evaluate(() => stage.duration());
    const length = LENGTH_S + Math.min(film.pictureShift, film.soundShift, 0);
    const random = randomFrom(film.name.length * 7919 + player.length);
    let sound = 0;
    // hls.js lets a film begin with its first picture, whatever is heard before.
    const beginning = {least: -Math.abs(film.pictureShift) - 0.001, most: MOST_BEGINNING_S};
    // Once only to look where the film begins.
    wrong.push(...(await twice(() => goTo(page, film, beginning, FIRST_SEEK_S))).wrong);
    for (let count = 0; count < SEEK_COUNT && !wrong.length; count += 1) {
      if (count === SEEK_COUNT / 2 && film.soundCount > 1 && hasChoice) {
        await page.evaluate(() => stage.chooseSound("fr"));
        sound = 1;
        await page.waitForTimeout(500);
      }
      // While the cue of a second is shown, and not long before the next beep.
      const second = 2 + Math.floor(random() * (length - 5));
      const phase = 0.4 + 0.4 * random();
      const found = await twice(() => seekAndFind(page, film, beginning, second, phase, sound, film.hasText && hasChoice));
      times.push(found.tookMs);
      wrong.push(...found.wrong);
    }
    // Told last: it says something of the end, and seeks should be seen all the same.
    // Of tracks that end at different times one player tells the first end (Shaka Player), another that of the pictures (hls.js), and learns of
    // sound that goes on behind them when it comes to it.
    const shifts = [film.pictureShift, film.soundShift];
    const least = LENGTH_S + Math.min(...shifts) + Math.min(0, beginning.most) - MOST_SECONDS_OFF;
    const most = LENGTH_S + Math.max(...shifts) + Math.max(0, beginning.most) + MOST_SECONDS_OFF;
    if (duration < least || duration > most) wrong.push(`it is ${duration} s long, not ${least.toFixed(1)} to ${most.toFixed(1)} s`);
    wrong.push(...await page.evaluate(() => stage.errors()));
    return {wrong, times, frames: await page.evaluate(() => stage.frames())};
  } catch (error) {
    return {wrong: [...wrong, String(error).slice(0, 300)], times};
  } finally {
    await context.close();
  }
};

/** A picture says where the film begins, as exactly as a frame is long; all of them together must say the same. Of a variable rate the next
 * picture may be there already: in the order of decoding, which is where containers keep it, the length of a frame can be another one. */
const narrowed = ({least, most}, film, time, number) => {
  const since = time - film.pictureShift;
  return {
    least: Math.max(least, since - (number + film.held + CLOCK_FRAMES) / film.fps),
    most: Math.min(most, since - (number - (film.held - 1) - CLOCK_FRAMES) / film.fps),
  };
};

/** Tries; where something is wrong, once more: a busy machine paints one picture on the way and, paused, no other, and hears late. What a stream has
 * in the wrong place stays there. */
const twice = async tries => {
  const found = await tries();
  return found.wrong.length ? tries() : found;
};

/** Goes somewhere and waits until the right picture, and the right text if there is one, are shown. */
const goTo = async (page, film, beginning, at, wantedText) => {
  const {isReached, tookMs} = await page.evaluate(([at, limit]) => stage.seek(at, limit), [at, SEEK_LIMIT_MS]);
  if (!isReached) return {wrong: [`no picture ${at.toFixed(3)} s, after ${tookMs} ms`], tookMs};
  // The picture may be painted a moment after the seek is told to be over, the text loaded a while after.
  let seen, number, isPicture, isText;
  for (const end = Date.now() + LOOK_LIMIT_MS; Date.now() < end && !(isPicture && isText); await page.waitForTimeout(50)) {
    seen = await page.evaluate(() => stage.look());
    number = seen.cells && frameNumber(cell => seen.cells[cell]);
    const {least, most} = number === null ? {least: 1, most: 0} : narrowed(beginning, film, seen.time, number);
    isPicture = least <= most;
    if (isPicture) Object.assign(beginning, {least, most});
    // To the last letter but for markup: “Second 1” is not “Second 12”.
    isText = !wantedText || (seen.texts.length === 1 && seen.texts[0].replace(/<[^>]*>/g, "").trim() === wantedText);
  }
  const wrong = [];
  if (!isPicture) {
    const {least, most} = beginning;
    wrong.push(`frame ${number} at ${seen.time.toFixed(3)} s of a film that begins between ${least.toFixed(3)} and ${most.toFixed(3)} s`);
  }
  if (!isText) wrong.push(`text ${JSON.stringify(seen.texts)} at ${seen.time.toFixed(3)} s, not “${wantedText}”`);
  return {wrong, tookMs};
};

const seekAndFind = async (page, film, beginning, second, phase, sound, hasText) => {
  const {wrong, tookMs} = await goTo(page, film, beginning, second + phase + film.soundShift + beginning.most, hasText && `Second ${second}`);
  if (wrong.length) return {wrong, tookMs};
  const beep = await page.evaluate(limit => stage.hear(limit), BEEP_LIMIT_MS);
  if (!beep) return {wrong: [`nothing is heard after second ${second}`], tookMs};
  const time = beep.time - film.soundShift - beginning.most;
  const heard = Math.round(time);
  const hertz = 500 + 2000 * sound + 100 * (heard % 16);
  if (Math.abs(beep.hertz - hertz) > 40 || Math.abs(time - heard) > MOST_SECONDS_OFF) {
    wrong.push(`${beep.hertz.toFixed(0)} Hz are heard at ${beep.time.toFixed(3)} s, not ${hertz} Hz`);
  }
  return {wrong, tookMs};
};
