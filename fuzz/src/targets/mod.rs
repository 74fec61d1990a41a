//! What hostile bytes are given to: each target is a function of bytes that returns, whatever they are.
//!
//! The same functions run under libFuzzer (`fuzz/run.sh`) and over the committed corpora in an ordinary test
//! (`prostream-core/tests/fuzz_corpus.rs`). They see the public API only. What must hold beside "no panic, a second, 64 MiB, 64 rounds" is
//! asserted in them.

mod codecs;
mod containers;
mod playlists;
mod releases;
mod stored;
mod subtitles;

/// How the bytes of a target are built: what a mutator may know of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// Boxes of ISO base media.
    Boxes,
    /// Elements of EBML.
    Elements,
    /// No structure that is known here.
    Plain,
}

/// A fuzz target.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// The folder with its seeds.
    pub(crate) corpus: &'static str,
    pub(crate) structure: Structure,
    pub(crate) run: fn(&[u8]),
}

impl Target {
    /// Are its inputs whole files?
    pub(crate) fn is_container(&self) -> bool {
        self.structure != Structure::Plain
    }
}

const fn of_boxes(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, corpus: "mp4", structure: Structure::Boxes, run }
}

const fn of_elements(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, corpus: "matroska", structure: Structure::Elements, run }
}

const fn plain(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, corpus: name, structure: Structure::Plain, run }
}

pub(crate) const TARGETS: &[Target] = &[
    of_boxes("mp4_header", containers::mp4_header),
    of_boxes("mp4_packets", containers::packets),
    of_elements("matroska_header", containers::matroska_header),
    of_elements("matroska_packets", containers::packets),
    plain("aac", codecs::aac),
    plain("dolby", codecs::dolby),
    plain("avc", codecs::avc),
    plain("hevc", codecs::hevc),
    plain("av1", codecs::av1),
    plain("vp9", codecs::vp9),
    plain("flac", codecs::flac),
    plain("opus", codecs::opus),
    plain("mp3", codecs::mp3),
    plain("srt", subtitles::srt),
    plain("ass", subtitles::ass),
    plain("webvtt", subtitles::webvtt),
    plain("tx3g", subtitles::tx3g),
    plain("subtitle_file", subtitles::file),
    plain("stored", stored::stored),
    plain("playlist", playlists::run),
    plain("release_name", releases::name),
];

/// The target of this name.
pub(crate) fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Is this a film that opens?
pub(crate) fn opens(file: &[u8]) -> bool {
    containers::opens(file)
}

/// The stored index of a film as the target takes it; `None` for one that does not open.
pub(crate) fn stored_index(file: &[u8]) -> Option<Vec<u8>> {
    containers::index_of(file).map(|index| stored::body_of(&index.to_stored()).to_vec())
}

/// Numbers and texts taken from the front of bytes, for targets that want data rather than a file; all zeros when they are used up.
pub(crate) struct Data<'a> {
    rest: &'a [u8],
}

impl<'a> Data<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    /// One of a list.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }

    /// Up to `most` bytes, their number first.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.byte()).min(most).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    pub(crate) fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// Are these whole boxes, one after the other, each as long as it says?
pub(crate) fn assert_boxes(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let size = bytes.first_chunk::<4>().map_or(0, |size| u32::from_be_bytes(*size) as usize);
        assert!((8..=bytes.len()).contains(&size), "a box of {size} bytes in {}", bytes.len());
        bytes = &bytes[size..];
    }
}
