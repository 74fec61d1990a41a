// Plays one HLS address in the page's video element: through hls.js where it is built in, else by what the browser plays itself.

const LANGUAGES = typeof Intl.DisplayNames === "function" ? new Intl.DisplayNames(undefined, {type: "language"}) : null;

const label = (track, index) => {
  if (track.name || track.label) return track.name || track.label;
  const language = track.lang || track.language;
  try { return LANGUAGES && language ? LANGUAGES.of(language) : language || `Track ${index + 1}`; } catch { return language || `Track ${index + 1}`; }
};

const fill = (select, holder, options, chosen, choose) => {
  select.replaceChildren(...options.map(([value, text]) => {
    const option = document.createElement("option");
    option.value = String(value);
    option.textContent = text;
    return option;
  }));
  select.value = String(chosen);
  select.onchange = () => choose(Number(select.value));
  holder.hidden = options.length < 2;
};

/** Where a subtitle from outside stands among the tracks that can be chosen. */
const FOUND = -2;

export class Player {
  /** `elements`: video, audio, audioLabel, subtitle, subtitleLabel, chapter, chapterLabel, note. `onFailure(text)` is called when playing cannot go on. */
  constructor(elements, onFailure) {
    this.elements = elements;
    this.onFailure = text => { this.hasFailed = true; onFailure(text); };
    this.hasFailed = false;
    this.hls = null;
    this.chapterChanged = null;
    this.found = null;
    elements.video.addEventListener("error", () => {
      const error = elements.video.error;
      if (error && elements.video.hasAttribute("src") && !this.hls) this.onFailure(error.message || "the browser cannot play it");
    });
  }

  /** Starts at `start` seconds. */
  play(address, start = 0) {
    this.stop();
    this.hasFailed = false;
    const {video} = this.elements;
    const Hls = globalThis.Hls;
    if (Hls && Hls.isSupported()) this.playWithLibrary(Hls, address, start);
    else if (video.canPlayType("application/vnd.apple.mpegurl")) this.playByItself(address, start);
    else this.onFailure("this browser plays no HLS by itself, and the server was built without a player library");
  }

  playWithLibrary(Hls, address, start) {
    const {video, note} = this.elements;
    const hls = new Hls({startPosition: start > 0 ? start : -1, enableWorker: false, backBufferLength: 60, maxBufferLength: 30, renderTextTracksNatively: true});
    this.hls = hls;
    note.textContent = `Played by hls.js ${Hls.version}`;
    let recoveries = 0;
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries++ < 2) hls.recoverMediaError();
      else this.onFailure(data.reason || data.error?.message || data.details);
    });
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => this.showAudio());
    hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, () => this.showAudio());
    hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, () => this.showSubtitles());
    hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, () => this.showSubtitles());
    hls.on(Hls.Events.MANIFEST_PARSED, () => video.play().catch(() => { /* the viewer presses play */ }));
    hls.loadSource(address);
    hls.attachMedia(video);
  }

  playByItself(address, start) {
    const {video, note} = this.elements;
    note.textContent = "Played by the browser itself (built without hls.js: the sound track may not be selectable here)";
    const tracksChanged = () => { this.showAudio(); this.showSubtitles(); };
    video.textTracks.onaddtrack = tracksChanged;
    if (video.audioTracks) video.audioTracks.onaddtrack = tracksChanged;
    video.onloadedmetadata = () => { if (start > 0) video.currentTime = start; tracksChanged(); };
    video.src = address;
    video.play().catch(() => { /* the viewer presses play */ });
  }

  showAudio() {
    const {video, audio, audioLabel} = this.elements;
    if (this.hls) {
      const options = this.hls.audioTracks.map((track, index) => [index, label(track, index)]);
      fill(audio, audioLabel, options, this.hls.audioTrack, index => { this.hls.audioTrack = index; });
      return;
    }
    const tracks = [...(video.audioTracks || [])];
    const chosen = tracks.findIndex(track => track.enabled);
    fill(audio, audioLabel, tracks.map((track, index) => [index, label(track, index)]), chosen, wanted => {
      tracks.forEach((track, index) => { track.enabled = index === wanted; });
    });
  }

  showSubtitles() {
    const {video, subtitle, subtitleLabel} = this.elements;
    const found = this.found?.element.track;
    const isFound = found?.mode === "showing";
    const others = [[-1, "Off"], ...(found ? [[FOUND, this.found.name]] : [])];
    const showFound = wanted => { if (found) found.mode = wanted === FOUND ? "showing" : "disabled"; };
    if (this.hls) {
      // The library shows what the file names as its default, also beside a found one that goes on.
      if (isFound && this.hls.subtitleTrack >= 0) { this.hls.subtitleTrack = -1; return; }
      const options = this.hls.subtitleTracks.map((track, index) => [index, label(track, index)]);
      fill(subtitle, subtitleLabel, [...others, ...options], isFound ? FOUND : this.hls.subtitleTrack, index => {
        showFound(index);
        this.hls.subtitleTrack = Math.max(index, -1);
        this.hls.subtitleDisplay = index >= 0;
      });
      return;
    }
    const tracks = [...video.textTracks].filter(track => track !== found && (track.kind === "subtitles" || track.kind === "captions"));
    const chosen = isFound ? FOUND : tracks.findIndex(track => track.mode === "showing");
    fill(subtitle, subtitleLabel, [...others, ...tracks.map((track, index) => [index, label(track, index)])], chosen, wanted => {
      tracks.forEach((track, index) => { track.mode = index === wanted ? "showing" : "disabled"; });
      showFound(wanted);
    });
  }

  /** Shows a subtitle from outside, WebVTT, in place of any other one, called by this language for people. */
  async showFound(text, name, language) {
    const {video, subtitle} = this.elements;
    this.dropFound();
    const element = document.createElement("track");
    element.kind = "subtitles";
    if (language) element.srclang = language;
    // Without a label: hls.js leaves tracks that have none alone.
    element.src = URL.createObjectURL(new Blob([text], {type: "text/vtt"}));
    const found = this.found = {element, text, called: name, name: `${name} (found)`, language, shift: 0, cues: []};
    const loaded = new Promise((resolve, reject) => {
      element.addEventListener("load", resolve, {once: true});
      element.addEventListener("error", () => reject(new Error("the browser cannot read this subtitle")), {once: true});
    });
    video.append(element);
    // Reading begins when it is shown.
    element.track.mode = "hidden";
    try {
      await loaded;
    } catch (error) {
      if (this.found === found) { this.dropFound(); this.showSubtitles(); }
      throw error;
    }
    if (this.found !== found) return;
    found.cues = [...element.track.cues].map(cue => ({cue, from: cue.startTime, to: cue.endTime}));
    this.showSubtitles();
    subtitle.value = String(FOUND);
    subtitle.onchange();
  }

  /** Shows the found subtitle so many seconds later, or earlier; gives by how much it is moved in all. */
  shiftFound(seconds) {
    const {found} = this;
    if (!found) return 0;
    found.shift += seconds;
    for (const {cue, from, to} of found.cues) {
      cue.startTime = Math.max(0, from + found.shift);
      cue.endTime = Math.max(0, to + found.shift);
    }
    return found.shift;
  }

  /** The subtitle from outside that is shown, for another file of the same film to go on with; null when there is none. */
  get shownFound() {
    const {found} = this;
    return found?.element.track.mode === "showing" ? {text: found.text, name: found.called, language: found.language, shift: found.shift} : null;
  }

  dropFound() {
    if (!this.found) return;
    const {element} = this.found;
    element.track.mode = "disabled";
    element.remove();
    URL.revokeObjectURL(element.src);
    this.found = null;
  }

  /** Offers the chapters to jump to, and shows which one it is. */
  showChapters(chapters) {
    const {video, chapter, chapterLabel} = this.elements;
    const clock = seconds => new Date(Math.round(seconds) * 1000).toISOString().slice(seconds < 3600 ? 14 : 11, 19);
    const current = () => Math.max(0, chapters.findLastIndex(one => one.start_s <= video.currentTime + 0.25));
    fill(chapter, chapterLabel, chapters.map((one, index) => [index, `${clock(one.start_s)}  ${one.title}`]), current(), index => this.seek(chapters[index].start_s));
    this.chapterChanged = () => {
      // Not under the hand of who is choosing.
      if (document.activeElement !== chapter || video.seeking) chapter.value = String(current());
    };
    video.addEventListener("timeupdate", this.chapterChanged);
    video.addEventListener("seeked", this.chapterChanged);
  }

  /** Goes to a time, in seconds. */
  seek(seconds) { this.elements.video.currentTime = seconds; }

  /** Seconds of the whole film; 0 until it is known. */
  get length() { return Number.isFinite(this.elements.video.duration) ? this.elements.video.duration : 0; }

  /** Nothing is left to show: what comes next is waited for, or does not come. */
  get hasRunOut() { return this.hasFailed || this.elements.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA; }

  /** Seconds into the film. */
  get position() { return this.elements.video.currentTime || 0; }

  stop() {
    const {video, audioLabel, subtitleLabel, chapterLabel} = this.elements;
    if (this.chapterChanged) {
      video.removeEventListener("timeupdate", this.chapterChanged);
      video.removeEventListener("seeked", this.chapterChanged);
      this.chapterChanged = null;
    }
    this.dropFound();
    if (this.hls) { this.hls.destroy(); this.hls = null; }
    video.onloadedmetadata = null;
    video.pause();
    video.removeAttribute("src");
    video.load();
    audioLabel.hidden = subtitleLabel.hidden = chapterLabel.hidden = true;
  }
}
