//! Cases of codecs, colour, geometry and subtitles: what the sample entry and the strings say.
