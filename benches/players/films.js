// Makes the films: every track is encoded once, every film is muxed from copies.
//
// What can be read and heard in them says where in the film one is: the number of the frame stands in the picture as 32 cells of an equal
// width along its top (cells 1-3 are 1,0,1; 4-23 the number, least significant bit first; 24 even parity; 25-26 are 0,1; white is 1).
// Sound track k beeps for 50 ms at each whole second s, at 500 + 2000 k + 100 (s mod 16) Hz. Cue n says "Second n" from n to n + 0.9 s.

import {spawn} from "node:child_process";
import {readFile, writeFile} from "node:fs/promises";
import {join} from "node:path";

/** Length of every track, in seconds: some segments, a time that no player holds in its buffer at once. */
export const LENGTH_S = 40;
const WIDTH = 640, HEIGHT = 360;

/** Runs a program to its end and gives what it prints. */
export const run = (program, args, {limitMs = 300_000, env = process.env, isExpectedToFail = false} = {}) => new Promise((resolve, reject) => {
  const child = spawn(program, args, {stdio: ["ignore", "pipe", "pipe"], env});
  const out = [], told = [];
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  child.stdout.on("data", data => out.push(data));
  child.stderr.on("data", data => told.push(data));
  child.on("error", reject);
  child.on("close", (code, signal) => {
    clearTimeout(timer);
    const result = {code, signal, out: Buffer.concat(out), told: Buffer.concat(told).toString()};
    if (code === 0 || isExpectedToFail) resolve(result);
    else reject(new Error(`${program} ${args.join(" ")}: ${signal || code}: ${result.told.slice(-500)}`));
  });
});
const ffmpeg = args => run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-nostdin", "-y", ...args]);

/** The frame number and everything else that is drawn. */
const picture = () => {
  const cell = WIDTH / 32;
  const box = (at, color, when = "") => `drawbox=x=${at * cell}:y=0:w=${cell}:h=16:t=fill:color=${color}${when && `:enable='${when}'`}`;
  const bit = at => `mod(floor(n/${2 ** at}),2)`;
  const bits = Array.from({length: 20}, (_, at) => at);
  return [
    `drawbox=x=0:y=0:w=${WIDTH}:h=16:t=fill:color=black`,
    ...[1, 3, 26].map(at => box(at, "white")),
    ...bits.map(at => box(4 + at, "white", bit(at))),
    box(24, "white", `mod(${bits.map(bit).join("+")},2)`),
  ].join(",");
};
const beeps = (track, rate = 48000, layout = "stereo", channelCount = 2) => {
  const one = `if(lt(mod(t,1),0.05),0.4*sin(2*PI*(500+2000*${track}+100*mod(floor(t),16))*t),0)`;
  return `aevalsrc='${Array(channelCount).fill(one).join("|")}':s=${rate}:d=${LENGTH_S}:c=${layout}`;
};

const X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-g", "48", "-keyint_min", "48", "-sc_threshold", "0", "-bf", "3"];
/** Pictures: frames a second, for how many frames one may stay (of a variable rate), and how they are encoded. */
const PICTURES = {
  "h264": {fps: "24", encode: X264},
  "h264-10bit": {fps: "24", encode: [...X264, "-pix_fmt", "yuv420p10le", "-profile:v", "high10"]},
  // An IDR picture every eight seconds, and between them pictures where one can begin but for what leads up to them.
  "h264-open-gop": {fps: "24", encode: [...X264, "-x264-params", "open-gop=1", "-force_key_frames", "expr:gte(t,8*n_forced)", "-forced-idr", "1"]},
  "h264-long-gop": {fps: "24", encode: [...X264, "-g", "288", "-keyint_min", "288"]},
  "h264-all-intra": {fps: "24", encode: [...X264, "-g", "1", "-keyint_min", "1", "-bf", "0"]},
  "h264-no-b": {fps: "24", encode: [...X264, "-bf", "0"]},
  "h264-interlaced": {fps: "25", encode: [...X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1"]},
  // One of three frames is left out, and every other one for a while.
  "h264-vfr": {fps: "24", held: 3, filter: "select='if(lt(mod(t,8),4),mod(n,3),not(mod(n,2)))'", encode: [...X264, "-fps_mode", "vfr"]},
  "h264-23.976": {fps: "24000/1001", encode: X264},
  "h264-25": {fps: "25", encode: X264},
  "h264-29.97": {fps: "30000/1001", encode: X264},
  "h264-50": {fps: "50", encode: X264},
  "av1": {fps: "24", encode: ["-c:v", "libsvtav1", "-preset", "10", "-crf", "35", "-g", "48"]},
  "av1-10bit": {fps: "24", encode: ["-c:v", "libsvtav1", "-preset", "10", "-crf", "35", "-g", "48", "-pix_fmt", "yuv420p10le"]},
  "vp9": {fps: "24", encode: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-g", "48"]},
};

const AAC = ["-c:a", "aac", "-b:a", "96k"];
const OPUS = ["-c:a", "libopus", "-b:a", "96k"];
/** Sounds: where the beeps come from, how they are encoded. */
const SOUNDS = {
  "aac": [beeps(0), AAC],
  "aac-second": [beeps(1), AAC],
  "aac-third": [beeps(2), AAC],
  "aac-44100": [beeps(0, 44100), AAC],
  "aac-5.1": [beeps(0, 48000, "5.1", 6), ["-c:a", "aac", "-b:a", "256k"]],
  "aac-he": [beeps(0, 24000), AAC],
  "opus": [beeps(0), OPUS],
  "opus-second": [beeps(1), OPUS],
  "opus-5.1": [beeps(0, 48000, "5.1", 6), ["-c:a", "libopus", "-b:a", "256k"]],
  "flac": [beeps(0), ["-c:a", "flac"]],
};

const MOOV_FIRST = ["-movflags", "+faststart"];
const CUES_FIRST = ["-cues_to_front", "1"];
const LANGUAGES = [["s:a:0", "eng"], ["s:a:1", "fre"], ["s:a:2", "deu"], ["s:s:0", "eng"], ["s:s:1", "fre"]]
  .flatMap(([track, language]) => [`-metadata:${track}`, `language=${language}`]).concat("-disposition:a:1", "0", "-disposition:a:2", "0");

const film = (name, tracks, options = [], more = {}) => ({name, tracks, options, ...more});
/** Every film: its name, its tracks (`track@1.5` begins late), and what the muxer is told. `isShort` ones are played in CI. */
export const FILMS = [
  film("h264-aac-moov-first.mp4", ["h264", "aac"], MOOV_FIRST),
  film("h264-aac-moov-last.mp4", ["h264", "aac"]),
  film("h264-aac-fragmented.mp4", ["h264", "aac"], ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"]),
  film("h264-aac-fragmented-sidx.mp4", ["h264", "aac"], ["-movflags", "+frag_keyframe+empty_moov+default_base_moof+global_sidx"]),
  film("h264-aac-cues-first.mkv", ["h264", "aac"], CUES_FIRST),
  film("h264-aac-cues-last.mkv", ["h264", "aac"]),
  film("h264-10bit-aac.mp4", ["h264-10bit", "aac"], MOOV_FIRST),
  film("h264-10bit-opus.mkv", ["h264-10bit", "opus"]),
  film("h264-open-gop.mp4", ["h264-open-gop", "aac"]),
  film("h264-open-gop.mkv", ["h264-open-gop", "aac"], CUES_FIRST),
  film("h264-long-gop.mp4", ["h264-long-gop", "aac"], MOOV_FIRST),
  film("h264-long-gop-opus.mkv", ["h264-long-gop", "opus"], [], {isShort: true}),
  film("h264-all-intra.mp4", ["h264-all-intra", "aac"]),
  film("h264-no-b.mkv", ["h264-no-b", "aac"]),
  film("h264-interlaced.mkv", ["h264-interlaced", "aac"]),
  film("h264-vfr.mp4", ["h264-vfr", "aac"], MOOV_FIRST),
  film("h264-vfr.mkv", ["h264-vfr", "aac"]),
  film("h264-23.976.mp4", ["h264-23.976", "aac"]),
  film("h264-23.976.mkv", ["h264-23.976", "aac"]),
  film("h264-25-aac-44100.mp4", ["h264-25", "aac-44100"], MOOV_FIRST),
  film("h264-29.97-flac.mkv", ["h264-29.97", "flac"]),
  film("h264-50.mp4", ["h264-50", "aac"]),
  film("h264-late-sound.mp4", ["h264", "aac@1.5"]),
  film("h264-late-sound.mkv", ["h264", "aac@1.5"]),
  film("h264-late-picture.mp4", ["h264@0.7", "aac"]),
  film("h264-late-picture.mkv", ["h264@0.7", "aac"]),
  film("h264-he-aac.mp4", ["h264", "aac-he"], MOOV_FIRST),
  film("h264-he-aac.mkv", ["h264", "aac-he"]),
  film("h264-aac-5.1.mp4", ["h264", "aac-5.1"]),
  film("h264-opus-5.1.mkv", ["h264", "opus-5.1"]),
  film("h264-flac.mp4", ["h264", "flac"], ["-strict", "-2"]),
  film("h264-opus.mp4", ["h264", "opus"]),
  film("h264-two-languages-text.mp4", ["h264", "aac", "aac-second", "en.srt", "fr.srt"], [...LANGUAGES, "-c:s", "mov_text"], {isShort: true}),
  film("h264-three-languages-text.mkv", ["h264", "aac", "aac-second", "aac-third", "en.srt", "fr.srt"], LANGUAGES),
  film("h264-two-languages-ass.mkv", ["h264", "aac", "aac-second", "en.srt", "fr.srt"], [...LANGUAGES, "-c:s", "ass"]),
  film("h264-two-codecs.mkv", ["h264", "aac", "opus-second"], LANGUAGES),
  film("h264-trimmed.mp4", ["h264", "aac"], MOOV_FIRST, {trimmedAt: 3.3, startsWith: 2}),
  film("h264-from-ten-text.mkv", ["h264", "aac", "en.srt"], ["-output_ts_offset", "10"]),
  film("av1-aac.mp4", ["av1", "aac"], MOOV_FIRST, {isShort: true}),
  film("av1-opus.webm", ["av1", "opus"]),
  film("av1-10bit-opus.mkv", ["av1-10bit", "opus"]),
  film("vp9-opus-text.webm", ["vp9", "opus", "en.srt"], [...CUES_FIRST, "-c:s", "webvtt"], {isShort: true}),
  film("vp9-flac.mp4", ["vp9", "flac"], ["-strict", "-2"]),
  film("vp9-aac.mkv", ["vp9", "aac"]),
];

const cues = word => Array.from({length: LENGTH_S}, (_, second) => {
  const at = `00:00:${String(second).padStart(2, "0")}`;
  return `${second + 1}\n${at},000 --> ${at},900\n${word} ${second}\n`;
}).join("\n");

const ratio = text => text.split("/").map(Number).reduce((above, below) => above / below);

/** The workshop in `folder`: `make(film)` gives the path of a film and what a viewer must find in it. */
export const openWorkshop = async folder => {
  await writeFile(join(folder, "en.srt"), cues("Second"));
  await writeFile(join(folder, "fr.srt"), cues("Seconde"));
  const made = new Map();
  const once = (name, make) => made.get(name) || made.set(name, make()).get(name);

  /** The drawing alone, of a frame rate, so that drawing is done once for all encoders. */
  const drawing = fps => once(`drawing ${fps}`, async () => {
    const path = join(folder, `drawing-${fps.replace("/", "-")}.mkv`);
    const back = `gradients=s=${WIDTH}x${HEIGHT}:r=${fps}:d=${LENGTH_S}:n=3:c0=0x101c3d:c1=0x27548a:c2=0x7a2e6d:speed=0.004:seed=7`;
    await ffmpeg(["-f", "lavfi", "-i", back, "-vf", `${picture()},format=yuv420p`, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", path]);
    return path;
  });
  const track = name => once(name, async () => {
    if (name.endsWith(".srt")) return join(folder, name);
    const path = join(folder, `track-${name}.mp4`);
    if (PICTURES[name]) {
      const {fps, filter, encode} = PICTURES[name];
      await ffmpeg(["-i", await drawing(fps), ...(filter ? ["-vf", filter] : []), ...encode, path]);
    } else {
      const [source, encode] = SOUNDS[name];
      await ffmpeg(["-f", "lavfi", "-i", source, ...encode, "-strict", "-2", path]);
      if (name === "aac-he") await signalHe(path);
    }
    return path;
  });

  const make = ({name, tracks, options, trimmedAt, startsWith = 0}) => once(name, async () => {
    const path = join(folder, name);
    const inputs = [], maps = [], delays = [];
    for (const [at, text] of tracks.entries()) {
      const [of, delay = "0"] = text.split("@");
      inputs.push("-itsoffset", delay, "-i", await track(of));
      maps.push("-map", String(at));
      delays.push(Number(delay));
    }
    if (trimmedAt) {
      const whole = join(folder, `whole-${name}`);
      await ffmpeg([...inputs, ...maps, "-c", "copy", ...options, whole]);
      await ffmpeg(["-ss", String(trimmedAt), "-i", whole, "-map", "0", "-c", "copy", ...options, path]);
    } else {
      await ffmpeg([...inputs, ...maps, "-c", "copy", ...options, path]);
    }
    const {fps, held = 1} = PICTURES[tracks[0].split("@")[0]];
    const soundCount = tracks.filter(one => one.split("@")[0] in SOUNDS).length;
    return {
      name, path, fps: ratio(fps), held, soundCount,
      // From the time line of the player to what the picture, the sound and the text say.
      pictureShift: delays[0] - startsWith, soundShift: delays[1] - startsWith,
      hasText: tracks.some(one => one.endsWith(".srt")),
      codecs: tracks.map(one => one.split("@")[0]).join(" "),
    };
  });
  return {make};
};

/** Says of AAC at 24 kHz that it is HE-AAC at 48 kHz, as no encoder that Debian ships can make it: the configuration announces SBR, which the
 * stream may then do without. Source: ISO/IEC 14496-3, 1.6.2.1, backward compatible signalling: 0x2b7, object type 5, present, 48 kHz. */
const signalHe = async path => {
  const bytes = await readFile(path);
  const plain = Buffer.from("131056e500", "hex");
  const at = bytes.indexOf(plain);
  if (at < 0) throw new Error(`${path} has another configuration than expected`);
  bytes[at + 4] = 0x98;
  await writeFile(path, bytes);
};

/** The number in a frame: `level(cell)` gives the brightness of a cell, 0 to 255. Null where there is none. */
export const frameNumber = level => {
  const bits = Array.from({length: 32}, (_, cell) => level(cell) > 110 ? 1 : 0);
  const number = bits.slice(4, 24).reduce((sum, bit, at) => sum + bit * 2 ** at, 0);
  const parity = bits.slice(4, 24).reduce((sum, bit) => sum ^ bit, 0);
  return bits[1] === 1 && bits[2] === 0 && bits[3] === 1 && bits[25] === 0 && bits[26] === 1 && parity === bits[24] ? number : null;
};

/** The numbers of picture files, as [`frameNumber`] reads them. */
export const numbersOf = async paths => {
  const numbers = [];
  for (const path of paths) {
    const {out} = await ffmpegGrey(path);
    numbers.push(out.length ? frameNumber(cell => out[cell]) : null);
  }
  return numbers;
};
const ffmpegGrey = path => run("ffmpeg", ["-loglevel", "error", "-nostdin", "-i", path,
  "-vf", "crop=iw:8:0:4,scale=32:1:flags=area,format=gray", "-f", "rawvideo", "-"], {isExpectedToFail: true});
