#!/usr/bin/env bash
# Makes demo-film.mkv, the film that `prostream demo` ships: 60 s, H.264 with B-frames at 24 frames a second, English and French
# sound (AAC), English and French subtitles. Everything in it is drawn by this script: no rights but the project's own.
#
# The frame number is burnt in twice: as text, and as 32 cells across the top that a program can read: cells 1-3 are 1,0,1; 4-23 the
# number, least significant bit first; 24 even parity; 25-26 are 0,1; white is 1. Sound track k (0, 1) beeps for 50 ms at each whole
# second s, at 500 + 2000 k + 100 (s mod 16) Hz. Cue n says "Second n" (in French "Seconde n") from n to n + 0.9 s.
#
#   ./make_demo_film.sh            needs ffmpeg with libx264 and the DejaVu fonts; the result may differ between versions of ffmpeg
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seconds=60 width=640 height=360 rate=24

cell=$((width / 32))
box() { printf "drawbox=x=%d:y=0:w=%d:h=16:t=fill:color=%s%s," $(($1 * cell)) $cell "$2" "${3:+:enable='$3'}"; }
code=""
for i in $(seq 0 31); do code+=$(box "$i" black); done
code+=$(box 1 white)$(box 3 white)$(box 26 white)
parity="0"
for bit in $(seq 0 19); do
  code+=$(box $((4 + bit)) white "mod(floor(n/$((1 << bit))),2)")
  parity+="+mod(floor(n/$((1 << bit))),2)"
done
code+=$(box 24 white "mod($parity,2)")
text="fontfile=$(fc-match -f '%{file}' 'DejaVu Sans:bold'):fontcolor=white"
mono="fontfile=$(fc-match -f '%{file}' 'DejaVu Sans Mono'):fontcolor=white"
labels="drawtext=$text:fontsize=54:text=ProStream:x=(w-tw)/2:y=92,"
labels+="drawtext=$mono:fontsize=20:text='a generated film':x=(w-tw)/2:y=160,"
labels+="drawtext=$mono:fontsize=30:text='frame %{eif\\:n\\:d\\:4}   %{pts\\:hms}':x=(w-tw)/2:y=236"

beeps() { # track number
  printf "aevalsrc='if(lt(mod(t,1),0.05),0.4*sin(2*PI*(500+2000*%d+100*mod(floor(t),16))*t),0)':s=48000:d=%d" "$1" $seconds
}
cues() { # word
  for s in $(seq 0 $((seconds - 1))); do
    printf '%d\n00:00:%02d,000 --> 00:00:%02d,900\n%s %d\n\n' $((s + 1)) "$s" "$s" "$1" "$s"
  done
}
cues Second > "$work/en.srt"
cues Seconde > "$work/fr.srt"

ffmpeg -hide_banner -loglevel error -nostdin -y \
  -f lavfi -i "gradients=s=${width}x${height}:r=$rate:d=$seconds:n=3:c0=0x101c3d:c1=0x27548a:c2=0x7a2e6d:speed=0.004:seed=7" \
  -f lavfi -i "$(beeps 0)" -f lavfi -i "$(beeps 1)" -i "$work/en.srt" -i "$work/fr.srt" \
  -filter_complex "[0:v]${code}${labels},format=yuv420p[v]" \
  -map '[v]' -map 1:a -map 2:a -map 3:s -map 4:s -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
  -c:v libx264 -preset veryslow -profile:v high -crf 27 -g 48 -keyint_min 48 -sc_threshold 0 -bf 3 -threads 1 \
  -c:a aac -b:a 40k -ac 1 -c:s srt \
  -metadata title='ProStream demo film' \
  -metadata:s:a:0 language=eng -metadata:s:a:0 title=English -metadata:s:a:1 language=fre -metadata:s:a:1 title='Français' \
  -metadata:s:s:0 language=eng -metadata:s:s:0 title=English -metadata:s:s:1 language=fre -metadata:s:s:1 title='Français' \
  -disposition:a:0 default -disposition:a:1 0 -disposition:s:0 0 -disposition:s:1 0 \
  demo-film.mkv
ls -l demo-film.mkv
