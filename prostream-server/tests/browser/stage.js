// What the tests stand on: the release binary, a browser, and eyes and ears for the generated film.

import {spawn} from "node:child_process";
import {existsSync} from "node:fs";
import {createInterface} from "node:readline";
import {chromium} from "playwright-core";

const BINARY = process.env.PROSTREAM_BIN;
const CHROMIUM = process.env.PROSTREAM_CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(path => existsSync(path));

/** Starts `prostream ARGUMENTS --json` and waits for its first line. `stop()` asks it to end and says how it ended. */
export const startProgram = async args => {
  if (!BINARY) throw new Error("PROSTREAM_BIN names no binary");
  // Our own variables are settings to the program.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PROSTREAM_")));
  const child = spawn(BINARY, [...args, "--json"], {stdio: ["ignore", "pipe", "inherit"], env});
  const ended = new Promise(resolve => child.once("exit", (code, signal) => resolve({code, signal})));
  const line = await Promise.race([
    new Promise(resolve => createInterface({input: child.stdout}).once("line", resolve)),
    ended.then(({code}) => { throw new Error(`prostream ended with ${code} before it said anything`); }),
  ]);
  return {...JSON.parse(line), stop: async () => { child.kill("SIGTERM"); return ended; }};
};

/** A headless browser without sandbox (tests may run as root) that asks nobody but us. */
export const startBrowser = () => chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});

/** A page that remembers what went wrong on it and which hosts it asked. */
export const openPage = async browser => {
  const context = await browser.newContext({viewport: {width: 1200, height: 860}});
  const page = await context.newPage();
  const wrong = [], hosts = new Set();
  page.on("pageerror", error => wrong.push(String(error)));
  page.on("console", message => { if (/content.security.policy/i.test(message.text())) wrong.push(message.text()); });
  page.on("request", request => { if (/^https?:/.test(request.url())) hosts.add(new URL(request.url()).host); });
  await page.addInitScript(() => {
    // The number that is burnt into the picture: 32 cells along its top, see make_demo_film.sh.
    window.readFrameNumber = () => {
      const video = document.querySelector("video");
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      const context = canvas.getContext("2d", {willReadFrequently: true});
      context.drawImage(video, 0, 0);
      const cell = canvas.width / 32;
      const bits = Array.from({length: 32}, (_, index) => {
        const [red, green, blue] = context.getImageData(Math.floor((index + 0.5) * cell), 8, 1, 1).data;
        return red + green + blue > 330 ? 1 : 0;
      });
      const number = bits.slice(4, 24).reduce((sum, bit, index) => sum + bit * 2 ** index, 0);
      const parity = bits.slice(4, 24).reduce((sum, bit) => sum ^ bit, 0);
      const isCode = bits[1] === 1 && bits[2] === 0 && bits[3] === 1 && bits[25] === 0 && bits[26] === 1 && parity === bits[24];
      return isCode ? number : null;
    };
    // The loudest frequency heard within `ms`, in hertz.
    window.listen = async ms => {
      const video = document.querySelector("video");
      if (!window.ears) {
        const audio = new AudioContext();
        const analyser = audio.createAnalyser();
        analyser.fftSize = 4096;
        analyser.smoothingTimeConstant = 0;
        audio.createMediaElementSource(video).connect(analyser);
        analyser.connect(audio.destination);
        await audio.resume();
        window.ears = {audio, analyser};
      }
      const {audio, analyser} = window.ears;
      const spectrum = new Float32Array(analyser.frequencyBinCount);
      let best = {level: -Infinity, hertz: 0};
      for (const end = performance.now() + ms; performance.now() < end; await new Promise(resolve => setTimeout(resolve, 8))) {
        analyser.getFloatFrequencyData(spectrum);
        spectrum.forEach((level, bin) => { if (level > best.level) best = {level, hertz: bin * audio.sampleRate / analyser.fftSize}; });
      }
      return best;
    };
    window.seekTo = async seconds => {
      const video = document.querySelector("video");
      const shown = new Promise(resolve => {
        video.addEventListener("seeked", () => requestAnimationFrame(() => requestAnimationFrame(resolve)), {once: true});
      });
      video.currentTime = seconds;
      await shown;
      return {number: window.readFrameNumber(), time: video.currentTime};
    };
  });
  return {page, wrong, hosts, close: () => context.close()};
};
