// Runs in the page: a player, eyes for the frame number, ears for the beeps. What they must find is decided outside.
"use strict";
(() => {
const video = document.querySelector("video");
const canvas = document.createElement("canvas");
const drawing = canvas.getContext("2d", {willReadFrequently: true});
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const state = {errors: [], beeps: [], player: null, starvedCount: 0};
/** Seconds ahead from which on a stall is no fault of the stream. */
const FULL_BUFFER_S = 2;
const bufferedAhead = () => {
  const ranges = Array.from({length: video.buffered.length}, (_, at) => [video.buffered.start(at), video.buffered.end(at)]);
  const [, end] = ranges.find(([start, end]) => start <= video.currentTime && video.currentTime < end) || [0, 0];
  return Math.max(0, end - video.currentTime);
};

/** Brightness of each cell of the frame that is shown; null before there is one. */
const cells = () => {
  if (!video.videoWidth) return null;
  canvas.width = video.videoWidth;
  canvas.height = 16;
  drawing.drawImage(video, 0, 0, canvas.width, 16, 0, 0, canvas.width, 16);
  const width = canvas.width / 32;
  return Array.from({length: 32}, (_, cell) => {
    const [red, green, blue] = drawing.getImageData(Math.floor((cell + 0.5) * width), 8, 1, 1).data;
    return (red + green + blue) / 3;
  });
};

// A worklet finds where a tone begins after silence and counts the zero crossings of the 35 ms that follow.
const EARS = `registerProcessor("ears", class extends AudioWorkletProcessor {
  constructor() { super(); this.quiet = 1e9; this.tone = null; }
  process([input]) {
    const samples = input[0];
    if (!samples) { this.quiet += 128; return true; }
    for (const sample of samples) {
      if (Math.abs(sample) > 0.08) {
        if (!this.tone && this.quiet > 0.2 * sampleRate) this.tone = [];
        this.quiet = 0;
      } else this.quiet += 1;
      if (!this.tone) continue;
      this.tone.push(sample);
      if (this.tone.length < 0.035 * sampleRate) continue;
      const crossings = [];
      for (let at = 1; at < this.tone.length; at += 1) {
        const [before, after] = [this.tone[at - 1], this.tone[at]];
        if (before < 0 && after >= 0) crossings.push(at - after / (after - before));
      }
      const periods = crossings.length - 1;
      this.port.postMessage(periods > 0 ? periods * sampleRate / (crossings.at(-1) - crossings[0]) : 0);
      this.tone = null;
    }
    return true;
  }
});`;
const listen = async () => {
  const audio = new AudioContext({latencyHint: "interactive"});
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([EARS], {type: "text/javascript"})));
  const ears = new AudioWorkletNode(audio, "ears", {numberOfInputs: 1, numberOfOutputs: 0});
  const source = audio.createMediaElementSource(video);
  source.connect(ears);
  source.connect(audio.destination);
  // The tone began 35 ms before it is told, and on its way here some more went by.
  ears.port.onmessage = ({data}) => state.beeps.push({hertz: data, time: video.currentTime - 0.04});
  await audio.resume();
};

const told = error => state.errors.push(String(error).slice(0, 300));
video.addEventListener("error", () => told(`video: ${video.error.code} ${video.error.message}`));

const players = {
  "hls.js": async url => {
    // What was played stays, as it does unless hls.js is told otherwise: where it removes sound at the moment when a picture was appended, it may
    // never learn that the sound is gone (1.6 to 1.7.4: `blockBuffers` waits for one buffer and then steps the queues of all), and does not load it
    // again. Shaka Player removes what was played, and so loads it again after a seek back.
    const hls = state.player = new Hls({maxBufferLength: 10, maxMaxBufferLength: 20});
    hls.on(Hls.Events.ERROR, (_, {type, details, fatal, error}) => {
      // So it tells that a seek made it cancel a load of its own: nothing went wrong.
      if (details === Hls.ErrorDetails.INTERNAL_ABORTED && !fatal) return;
      if (details === Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE && !fatal && state.hasHole) return;
      // And so that pictures stand still although seconds of them lie ready: then the machine is busy, and the stream is not late.
      if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR && !fatal && bufferedAhead() > FULL_BUFFER_S) { state.starvedCount += 1; return; }
      told(`hls.js: ${type} ${details}${fatal ? ", fatal" : ""}: ${error?.message}`);
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  },
  "shaka": async url => {
    shaka.polyfill.installAll();
    const player = state.player = new shaka.Player();
    player.addEventListener("error", ({detail}) => told(`shaka: ${detail.code} ${JSON.stringify(detail.data)}`));
    player.configure({streaming: {bufferingGoal: 10, bufferBehind: 10}});
    await player.attach(video);
    await player.load(url);
  },
  "native": async url => { video.src = url; },
};

const untilTrue = async (limitMs, isTrue) => {
  const end = performance.now() + limitMs;
  while (performance.now() < end) {
    if (state.errors.length) return false;
    if (isTrue()) return true;
    await sleep(20);
  }
  return false;
};

window.stage = {
  /** Starts a player; true once pictures move. */
  start: async (name, url, hasHole) => {
    state.kind = name;
    state.hasHole = hasHole;
    await listen();
    try { await players[name](url); } catch (error) { told(`load: ${error.code || error} ${JSON.stringify(error.data || "")}`); }
    video.play().catch(told);
    return untilTrue(20_000, () => video.readyState >= 3 && video.getVideoPlaybackQuality().totalVideoFrames > 5);
  },
  /** Shows a text track. */
  chooseText: async at => {
    if (state.kind === "hls.js") { state.player.subtitleTrack = at; state.player.subtitleDisplay = true; }
    if (state.kind === "shaka") await state.player.selectTextTrack(state.player.getTextTracks()[at]);
  },
  /** Plays another sound, by language. */
  chooseSound: async language => {
    if (state.kind === "hls.js") state.player.setAudioOption(state.player.allAudioTracks.find(track => track.lang.startsWith(language)));
    if (state.kind === "shaka") state.player.selectAudioTrack(state.player.getAudioTracks().find(track => track.language.startsWith(language)));
  },
  /** Goes somewhere and stays there. */
  seek: async (time, limitMs) => {
    video.pause();
    let isThere = false;
    video.addEventListener("seeked", () => { isThere = true; }, {once: true});
    video.currentTime = time;
    const started = performance.now();
    const isReached = await untilTrue(limitMs, () => isThere && video.readyState >= 2);
    return {isReached, tookMs: Math.round(performance.now() - started)};
  },
  /** What is seen now. */
  look: () => ({
    cells: cells(), time: video.currentTime,
    texts: [...video.textTracks].filter(track => track.mode !== "disabled").flatMap(track => [...(track.activeCues || [])]).map(cue => cue.text),
  }),
  /** Plays until the next beep is heard. */
  hear: async limitMs => {
    state.beeps.length = 0;
    video.play().catch(told);
    await untilTrue(limitMs, () => state.beeps.length);
    video.pause();
    return state.beeps[0] || null;
  },
  duration: () => video.duration,
  frames: () => { const {totalVideoFrames, droppedVideoFrames, corruptedVideoFrames} = video.getVideoPlaybackQuality(); return {totalVideoFrames, droppedVideoFrames, corruptedVideoFrames, starvedCount: state.starvedCount}; },
  errors: () => state.errors,
};
})();
