#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets anew, with ffmpeg and mkvmerge: `fuzz/seeds.py [TARGET...]`. They are committed; this says where they came from.

Files of a few frames, a few KiB each, in every layout that the muxers have options for; codec records and frames are cut out of them.
What fuzzing added to a corpus has names of 40 hexadecimal digits and stays.
"""

import hashlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile

CORPUS = pathlib.Path(__file__).parent / "corpus"
MAX_BYTES = 8192
chance = random.Random(3)

PICTURES = {
    "h264": "-c:v libx264 -preset veryfast -x264-params bframes=2:b-adapt=0:keyint=4:scenecut=0 -bsf:v filter_units=remove_types=6",
    "h264_open": "-c:v libx264 -preset veryfast -x264-params open-gop=1:bframes=2:b-adapt=0:keyint=4 -bsf:v filter_units=remove_types=6",
    "h264_field": "-c:v libx264 -preset veryfast -flags +ildct+ilme -x264-params keyint=3:sar=16/11 -bsf:v filter_units=remove_types=6",
    "hevc": "-c:v libx265 -preset ultrafast -x265-params log-level=error:pools=1:keyint=4:bframes=2:info=0 -tag:v hvc1",
    "hevc_pq": "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10 -x265-params log-level=error:pools=1:keyint=3:info=0:open-gop=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400",
    "av1": "-c:v libsvtav1 -preset 12 -g 4",
    "aom": "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 3",
    "vp9": "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime -g 3",
    "vp9_deep": "-c:v libvpx-vp9 -profile:v 2 -pix_fmt yuv420p10 -cpu-used 8 -deadline realtime -g 4",
}
SOUNDS = {
    "aac": ("m4a", "-c:a aac -ac 2 -b:a 32k"),
    "aac_mono": ("m4a", "-c:a aac -ac 1 -ar 22050 -b:a 16k"),
    "aac_six": ("m4a", "-c:a aac -ac 6 -b:a 64k"),
    "ac3": ("ac3", "-c:a ac3 -ac 2 -b:a 64k"),
    "ac3_six": ("ac3", "-c:a ac3 -ac 6 -ar 44100 -b:a 160k"),
    "eac3": ("eac3", "-c:a eac3 -ac 2 -b:a 48k"),
    "eac3_six": ("eac3", "-c:a eac3 -ac 6 -b:a 96k"),
    "opus": ("opus", "-c:a libopus -b:a 16k -ac 2"),
    "opus_six": ("opus", "-c:a libopus -b:a 64k -ac 6 -mapping_family 1"),
    "opus_long": ("opus", "-c:a libopus -b:a 12k -ac 1 -frame_duration 60"),
    "flac": ("flac", "-c:a flac -ac 1"),
    "flac_deep": ("flac", "-c:a flac -ac 1 -sample_fmt s32 -ar 96000"),
    "mp3": ("mp3", "-c:a libmp3lame -ac 2 -b:a 32k"),
    "mp3_low": ("mp3", "-c:a libmp3lame -ac 1 -ar 22050 -b:a 16k"),
}
MP4 = [
    ("mp4", ""), ("mp4", "-movflags +faststart"), ("mov", ""), ("mp4", "-use_editlist 0"), ("mp4", "-movflags +negative_cts_offsets"),
    ("mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof"), ("mp4", "-movflags +dash+global_sidx+delay_moov+frag_keyframe"),
    ("mp4", "-movflags +frag_keyframe+delay_moov"), ("mp4", "-movflags +frag_every_frame+delay_moov+omit_tfhd_offset"),
    ("mp4", "-movflags +frag_keyframe+delay_moov+separate_moof+skip_trailer"), ("mp4", "-movflags +cmaf+delay_moov -frag_duration 80000"),
    ("mp4", "-video_track_timescale 90000 -movflags +write_colr"), ("mp4", "-output_ts_offset 3"), ("mp4", "-brand mp42 -movflags +use_metadata_tags -metadata title=T"),
    ("mov", "-movflags +faststart -video_track_timescale 600"), ("mp4", "-metadata:s:v:0 rotate=90 -moov_size 3000"),
]
MKV_FFMPEG = ["", "-reserve_index_space 300", "-cues_to_front 1", "-live 1", "-cluster_time_limit 60 -write_crc32 0", "-cluster_size_limit 300", "-output_ts_offset 7.5", "-write_crc32 0"]
MKV_MKVMERGE = [
    "", "--disable-lacing", "--cluster-length 2", "--no-cues", "--timestamp-scale 10000", "--engage no_simpleblocks", "--engage lacing_xiph",
    "--engage lacing_ebml --enable-durations", "--clusters-in-meta-seek", "--engage write_headers_twice", "--engage no_cue_duration --engage no_cue_relative_position",
    "--disable-track-statistics-tags --disable-language-ietf", "--generate-chapters interval:50ms",
]


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, env={**os.environ, "SVT_LOG": "0"})
    return done.returncode == 0 or (words[0] == "mkvmerge" and done.returncode == 1)


def ffmpeg(*words):
    return run("ffmpeg", "-v", "error", "-nostdin", "-y", *words)


def keep(target, name, data):
    if 0 < len(data) <= MAX_BYTES:
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def encode(folder):
    """One small file for each stream: Matroska for pictures, which all muxers read, and the codec's own for sound."""
    streams = {}
    for name, options in PICTURES.items():
        path = folder / f"{name}.mp4"
        size = 64 if name in ("av1",) else 32
        if ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}x{size}:r=25:d=0.32,format=yuv420p", *options.split(), "-fflags", "+bitexact", "-flags", "+bitexact", path):
            streams[name] = path
    for name, (ending, options) in SOUNDS.items():
        path = folder / f"{name}.{ending}"
        if ffmpeg("-f", "lavfi", "-i", "sine=f=440:r=48000:d=0.2", *options.split(), "-strict", "-2", "-fflags", "+bitexact", "-flags", "+bitexact", path):
            streams[name] = path
    (folder / "cues.srt").write_text("1\n00:00:00,020 --> 00:00:00,100\na <i>b</i>\n\n2\n00:00:00,120 --> 00:00:00,200\nc\n\n")
    ffmpeg("-i", folder / "cues.srt", folder / "cues.ass")
    ffmpeg("-i", folder / "cues.srt", folder / "cues.vtt")
    return streams


def containers(folder, streams, wanted):
    pictures, sounds = [n for n in streams if n in PICTURES], [n for n in streams if n in SOUNDS]
    made = {"mp4": 0, "matroska": 0}
    for number in range(900):
        if all(count >= 210 for count in made.values()):
            break
        target = "mp4" if number % 2 else "matroska"
        if made[target] >= 210 or target not in wanted:
            if target not in wanted:
                made[target] = 210
            continue
        picture = pictures[number // 2 % len(pictures)] if number % 11 else None
        sound = chance.choice(sounds) if chance.random() < 0.75 or not picture else None
        text = chance.random() < 0.3 and picture
        inputs = [streams[name] for name in (picture, sound) if name]
        if target == "mp4":
            ending, options = MP4[number // 2 % len(MP4)]
            text = text and "movflags +frag" not in options and "cmaf" not in options and "dash" not in options
            out = folder / f"out.{ending}"
            inputs += [folder / "cues.srt"] if text else []
            words = [word for path in inputs for word in ("-i", path)] + [word for n in range(len(inputs)) for word in ("-map", n)]
            fine = ffmpeg(*words, "-c", "copy", "-c:s", "mov_text", "-strict", "-2", "-metadata:s:a:0", "language=fre", *options.split(), "-fflags", "+bitexact", "-map_metadata", "-1", out)
        elif number % 4 == 0:
            options = MKV_FFMPEG[number // 4 % len(MKV_FFMPEG)]
            out = folder / ("out.webm" if picture in ("vp9", "av1") and sound in ("opus", None) else "out.mkv")
            subtitle = chance.choice(["cues.srt", "cues.ass", "cues.vtt"]) if out.suffix == ".mkv" else "cues.vtt"
            inputs += [folder / subtitle] if text else []
            words = [word for path in inputs for word in ("-i", path)] + [word for n in range(len(inputs)) for word in ("-map", n)]
            fine = ffmpeg(*words, "-c", "copy", *options.split(), "-fflags", "+bitexact", "-map_metadata", "-1", out)
        else:
            options = MKV_MKVMERGE[number // 4 % len(MKV_MKVMERGE)]
            out = folder / "out.mkv"
            words = ["--no-date", "--disable-track-statistics-tags"] if chance.random() < 0.7 else ["--no-date"]
            words += ["--deterministic", "7"] + options.split()
            each = chance.choice(["", "", "--cues 0:all", "--compression 0:zlib", "--compression 0:none"]).split()
            inputs += [folder / chance.choice(["cues.srt", "cues.ass", "cues.vtt"])] if text else []
            fine = run("mkvmerge", "-q", "-o", out, *words, *[word for path in inputs for word in [*each, path]])
        data = out.read_bytes() if fine and out.exists() else b""
        if 0 < len(data) <= MAX_BYTES:
            keep(target, f"{number:03}-{picture or 'none'}-{sound or 'none'}{'-text' if text else ''}{out.suffix}", data)
            made[target] += 1


def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big") or len(data) - at
        if size < 8:
            return
        yield data[at + 4:at + 8], data[at + 8:at + size]
        at += size


def find(data, *path):
    for kind in path:
        data = next((body for name, body in boxes(data) if name == kind), b"")
    return data


def elements(data):
    at = 0
    while at < len(data):
        id_len = 9 - data[at].bit_length()
        name = data[at:at + id_len]
        at += id_len
        if id_len > 4 or at >= len(data):
            return
        size_len = 9 - data[at].bit_length()
        raw = int.from_bytes(data[at:at + size_len], "big") & ((1 << 7 * size_len) - 1)
        at += size_len
        size = min(raw, len(data) - at)
        yield name.hex(), data[at:at + size]
        at += size


def frames(path, folder, count=3):
    """The first packets of the only track, out of Matroska without lacing."""
    out = folder / "one.mkv"
    if not run("mkvmerge", "-q", "--disable-lacing", "-o", out, path):
        return b"", []
    segment = next(body for name, body in elements(out.read_bytes()) if name == "18538067")
    private, packets = b"", []
    for name, body in elements(segment):
        if name == "1654ae6b":
            entry = next(body for name, body in elements(body) if name == "ae")
            private = next((body for name, body in elements(entry) if name == "63a2"), b"")
        if name == "1f43b675":
            for name, block in elements(body):
                if name == "a0":
                    block = next(inner for name, inner in elements(block) if name == "a1")
                if name in ("a0", "a3"):
                    packets.append(block[4:])
    return private, packets[:count]


TARGETS = {"h264": "avc", "hevc": "hevc", "av1": "av1", "aom": "av1", "vp9": "vp9", "aac": "aac", "ac3": "dolby", "eac3": "dolby", "opus": "opus", "flac": "flac", "mp3": "mp3"}
ENTRIES = {"avc": ["avc1", "avc3", "dva1"], "hevc": ["hvc1", "hev1", "dvh1"], "av1": ["av01", "dav1"], "vp9": ["vp09"], "aac": ["mp4a"], "dolby": ["ac-3", "ec-3"], "opus": ["Opus"], "flac": ["fLaC"], "mp3": [".mp3", "mp4a"]}
SIZES = (b"\x01\x40\x00\xb4\x02\x00\x00", b"\xbb\x80\xbb\x80\x06\x00\x10")


def codecs(folder, streams, wanted):
    for name, path in streams.items():
        target = TARGETS[name.split("_")[0]]
        if target not in wanted:
            continue
        sizes = SIZES[0] if name in PICTURES else SIZES[1]
        for ending in ("mp4", "mov"):
            out = folder / f"entry.{ending}"
            if ffmpeg("-i", path, "-c", "copy", "-strict", "-2", "-fflags", "+bitexact", out):
                stsd = find(find(out.read_bytes(), b"moov"), b"trak", b"mdia", b"minf", b"stbl", b"stsd")
                for kind, body in boxes(stsd[8:]):
                    at = ENTRIES[target].index(kind.decode("latin-1")) if kind.decode("latin-1") in ENTRIES[target] else 0
                    keep(target, f"{name}-entry-{ending}", bytes([at << 2]) + body)
        private, packets = frames(path, folder)
        is_second = name.startswith("eac3")
        if private:
            keep(target, f"{name}-private", bytes([1 | is_second << 2]) + sizes + private)
        for number, packet in enumerate(packets):
            head = packet[:900]
            keep(target, f"{name}-first-{number}", bytes([2 | is_second << 2]) + sizes + head)
            keep(target, f"{name}-packet-{number}", bytes([3, 4]) + head)
        if target == "aac":
            out = folder / "frames.aac"
            if ffmpeg("-i", path, "-c", "copy", out):
                keep(target, f"{name}-adts", bytes([2 | 4]) + sizes + out.read_bytes()[:600])
                keep(target, f"{name}-adts-packet", bytes([3, 0]) + out.read_bytes()[:600])
        if target in ("avc", "hevc"):
            out = folder / ("stream.264" if target == "avc" else "stream.265")
            if ffmpeg("-i", path, "-c", "copy", out):
                keep(target, f"{name}-annex-b", bytes([2]) + sizes + out.read_bytes()[:900])
                keep(target, f"{name}-annex-b-packet", bytes([3, 0]) + out.read_bytes()[:900])
    if "aac" in wanted:
        for number, specific in enumerate(["1210", "1190", "13881000", "2b11880800", "eb098800", "f8e85000", "1190561c", "0990", "118856e598", "15c01000000000000000", "1180040cfd8000", "131056e5a0"]):
            keep("aac", f"specific-{number:02}", bytes([1]) + SIZES[1] + bytes.fromhex(specific))


SUBTITLES = {
    "srt": [
        "Hello", "<i>Hello</i>", "two\nlines", "two\r\n\r\nlines", "<b><u>x</u></b> <font color=\"#ff0000\">red</font>", "{\\an8}top", "{\\an5}{\\i1}x{\\i0}",
        "1 < 2 > 0 & 3", "&amp; &lt; &nbsp; &#64; &unknown;", "a --> b", "00:00:01,000 --> 00:00:02,000", "\ufeffwith a mark", "<", "<i", "</", "{\\", "{\\an", "{\\an99}",
        "<font", "<3", "\u202bעברית\u202c", "日本語", "\x00\x01", "{\\pos(1,2)}{\\b1}x", "<i><i><i>", "</i></b>x", "  \n \n  ", "<v Bob>x", "{y:i}x", "<c.red>x</c>",
    ],
    "webvtt": [
        "Hello", "<i>Hello</i>", "<v Bob>me & you", "<c.red.bg_blue>x</c>", "<00:00:01.000>x", "&lt; --> &#64; AT&T", "a\n\nb", "NOTE x", "STYLE\n::cue{}", "WEBVTT",
        "<ruby>a<rt>b</rt></ruby>", "<lang en>x</lang>", "\x00", "&", "&;", "&#;", "-->", "--", "<", "\r\n", "id\n00:01.000 --> 00:02.000\nx",
    ],
    "subtitle_file": [
        "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:02,500 --> 00:00:04,000\n<i>two</i>\nlines\n",
        "1\r\n00:00:01,000 --> 00:00:02,000\r\n1984\r\n\r\nwas\r\n2\r\n00:00:03,000 --> 00:00:04,000 X1:1\r\n{\\an8}up\r\n",
        "0:00:01.0-->0:00:02\nno number\n00:03,5 --> 00:04,25\nno gap", "\ufeff1\n00:00:01,000 --> 00:00:02,000\n\u4e2d\n",
        "1\n00:00:02,000 --> 00:00:01,000\nbackwards\n\n2\n99:59:59,999 --> 100:00:00,000\nlast\n", "00:00:01,000 --> 00:00:02,000\n&&& <3 --> \x00\n",
        "WEBVTT\n\n00:01.000 --> 00:02.000 align:start line:0\n<v Ann>a & b\n\nNOTE x\n\nid\n00:00:03.000 --> 00:00:04.000\nc --> d\n",
        "WEBVTT - title\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\nSTYLE\n::cue{}\n\nREGION\nid:a\n\n00:01.000 --> 00:02.000 region:a size:50%\nx\n",
        "[Script Info]\nPlayResY: 288\n\n[V4+ Styles]\nFormat: Name, Bold, Italic, Alignment\nStyle: Top,-1,0,8\n\n[Events]\nFormat: Layer, Start, End, Style, Text\nDialogue: 0,0:00:01.00,0:00:02.00,Top,a, {\\i1}b\\Nc\nDialogue: 1,0:00:01.00,0:00:02.00,Top,a, {\\i1}b\\Nc\n",
        "[Script Info]\nScriptType: v4.00\n[V4 Styles]\nStyle: A,Arial,20,1,2,3,4,0,-1,1,2,2,6\n[Events]\nFormat: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: Marked=0,0:00:01.00,0:00:02.00,A,,0,0,0,,x\n",
        "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0{\\p0}text\nComment: 0,0:00:01.00,0:00:02.00,,,0,0,0,,no\n",
        "{1}{1}23.976\n{24}{48}one|two\n{72}{}{y:i}open\n{96}{120}{c:$ff}/x\n", "{0}{25}x\n{25}{}y", "{999999999}{999999999}x", "{1}{1}nan\n{10}{20}x\n",
        "<SAMI><BODY><SYNC Start=1000><P>no</BODY></SAMI>", "<?xml version=\"1.0\"?><tt><body/></tt>", "Just a text.",
    ],
}


def subtitles(wanted):
    for target, texts in SUBTITLES.items():
        for number, text in enumerate(texts):
            if target in wanted:
                keep(target, f"{number:02}", text.encode())
    if "subtitle_file" in wanted:
        text = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
        for name, encoding, words in [("utf-16-le", "utf-16-le", "\ufeffn\u00e9"), ("utf-16-be", "utf-16-be", "\ufeffn\u00e9"), ("latin", "cp1252", "n\u00e9"), ("cyrillic", "cp1251", "\u0436\u0436"), ("shift-jis", "shift_jis", "\u3042")]:
            keep("subtitle_file", name, (words[:1] * (words[0] == "\ufeff") + text.format(words.lstrip("\ufeff"))).encode(encoding))
    box = lambda kind, body: (len(body) + 8).to_bytes(4, "big") + kind + body
    if "webvtt" in wanted:
        boxed = [
            box(b"vttc", box(b"payl", b"hi")), box(b"vttc", box(b"sttg", b"line:0") + box(b"payl", b"<i>x")), box(b"vtte", b""),
            box(b"vttc", box(b"iden", b"a") + box(b"ctim", b"00:01.000") + box(b"payl", b"x")) * 3, box(b"vttc", box(b"payl", b"a --> b\n\nc")), box(b"vtta", b"note"),
            box(b"vttc", box(b"sttg", b"a\nb") + box(b"payl", b"x")), b"\0\0\0\0vttc" + box(b"payl", b"x"), b"\0\0\0\1vttc" + bytes(8),
        ]
        for number, sample in enumerate(boxed):
            keep("webvtt", f"boxed-{number}", sample)
    if "ass" in wanted:
        style = "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
        header = f"[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n[V4+ Styles]\n{style}Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\nStyle: Top,Arial,16,&Hff,&H0,&H0,&H0,-1,-1,0,0,100,100,0,0,1,1,0,8,10,10,10,1\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        old = "[Script Info]\nScriptType: v4.00\n\n[V4 Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, Bold, Italic, Alignment\nStyle: Default,Arial,16,255,-1,0,6\n"
        events = [
            "0,0,Default,,0,0,0,,Hello", "1,0,Top,,0,0,0,,top, with a comma", "2,0,Default,Name,0,0,0,,{\\i1}x{\\i0}\\Ny\\hz\\nw", "3,1,Nobody,,0,0,0,,{\\an8\\b1}x{\\r}y",
            "4,0,Default,,0,0,0,,{\\p1}m 0 0 l 10 0{\\p0}", "5,0,Default,,0,0,0,,{\\k20}ka{\\k30}ra", "6,0,Default,,0,0,0,,{\\pos(192,20)}x", "7,0,Default,,0,0,0,,{\\move(0,0,1,1)}{\\fad(1,2)}x",
            "8,0,Default,,0,0,0,,{a comment}x", "9,0,Default,,0,0,0,,{\\t(\\fs20)}x{", "x,y", "", "10,0,Top,,0,0,0,,a --> b & <c>", "11,0,*Default,,9999,0,0,Banner;5,x", "99999999999999999999,0,Default,,0,0,0,,x", "12,0,Default,,0,0,0,,{\\rTop}x{\\c&HFF&}y{\\1a&H80&}", "13,0,Default,,0,0,0,,\\N\\N\\Nx",
        ]
        for number, event in enumerate(events):
            keep("ass", f"{number:02}", (header + "\0" + event).encode())
            if number % 4 == 0:
                keep("ass", f"{number:02}-old", (old + "\0" + event).encode())
                keep("ass", f"{number:02}-bare", event.encode())
    if "tx3g" in wanted:
        style = lambda *records: box(b"styl", len(records).to_bytes(2, "big") + b"".join(records))
        record = lambda start, end, face: start.to_bytes(2, "big") + end.to_bytes(2, "big") + b"\0\1" + bytes([face, 18]) + b"\xff" * 4
        sized = lambda text: len(text).to_bytes(2, "big") + text
        samples = [
            sized(b""), sized(b"Hello"), sized("日本語".encode()), sized(b"\xfe\xff\0h\0\xe9"), sized(b"\xff\xfeh\0"), sized(b"a\nb\r\nc"), sized(b"a --> b <c> & d"),
            sized(b"ab & c") + style(record(1, 2, 3)), sized(b"abcdef") + style(record(0, 3, 1), record(3, 6, 2), record(0, 6, 4)), sized(b"abc") + style(record(2, 1, 1)),
            sized(b"abc") + style(record(0, 999, 7)), sized(b"abc") + box(b"hlit", b"\0\0\0\1") + box(b"tbox", bytes(8)), sized(b"abc") + box(b"styl", b"\xff\xff"),
            b"\xff\xffshort", b"\0", sized(b"abc") + b"\0\0\0\0styl", sized(b"abc") + b"\0\0\0\1styl" + bytes(8), sized(b"\n\n\n"), sized(b"\xc3\x28\xff"), sized(b"x" * 300) + style(*[record(n, n + 2, n) for n in range(40)]),
        ]
        for number, sample in enumerate(samples):
            keep("tx3g", f"{number:02}", sample)


def others(wanted):
    if "playlist" in wanted:
        for number in range(60):
            keep("playlist", f"{number:02}", chance.randbytes(chance.choice([40, 120, 300, 700])))
    if "release_name" in wanted:
        names = """The.Matrix.1999.2160p.UHD.BluRay.REMUX.HDR.HEVC.Atmos-EPSiLON|Show.Name.S01E02E03.1080p.WEB-DL.DDP5.1.H.264-NTb|[SubsPlease] Anime - 12 (1080p) [ABCD1234].mkv
Film (2010) [1080p] {edition-Director's Cut}|Show.2x05.HDTV.x264|Show.S02.COMPLETE.MULTi.VOSTFR|Film.2019.PROPER.REPACK.DV.HDR10+.TrueHD.7.1|Daily.Show.2020.01.31.720p|www.site.com - Film 2001
Movie.3D.HSBS.1080p|1917.2019.1080p|2012.2009.BluRay|Show - S01E01 - Title.mkv|Фильм.2015.BDRip|映画 2020 1080p|Film.iTA.ENG.AC3.5.1|S01E01|.mkv||[a][b][c]|Show.Season.1.Episode.2|Show.E01-E10|Film.1080i.DTS-HD.MA
Show.S01E01-E03.AV1.Opus|Folder/Film.2003.mkv|Film (Extended) 10bit x265|Film.CAM.HDCAM.TS|İstanbul.2019.1080p|ﬁlm.2020|Show.1x01x02|Show.101.720p""".replace("\n", "|").split("|")
        for number, name in enumerate(names):
            keep("release_name", f"{number:02}", name.encode())


def main():
    known = ["mp4", "matroska", "aac", "dolby", "avc", "hevc", "av1", "vp9", "flac", "opus", "mp3", "srt", "ass", "webvtt", "tx3g", "subtitle_file", "playlist", "release_name"]
    wanted = set(sys.argv[1:] or known)
    for target in wanted:
        for old in (CORPUS / target).glob("*"):
            if len(old.name) != 40:
                old.unlink()
    subtitles(wanted)
    others(wanted)
    with_media = wanted - {"srt", "ass", "webvtt", "tx3g", "subtitle_file", "playlist", "release_name"}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        streams = encode(folder) if with_media else {}
        print("encoded:", " ".join(streams))
        codecs(folder, streams, wanted)
        if with_media & {"mp4", "matroska"}:
            containers(folder, streams, wanted)
    for target in sorted(wanted):
        files = list((CORPUS / target).glob("*"))
        print(f"{target}: {len(files)} seeds, {sum(file.stat().st_size for file in files)} bytes")


main()
