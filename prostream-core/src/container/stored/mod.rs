//! A [`MediaIndex`] as bytes, so that another process, or this one after a restart, need not read the file again (PACKAGING 5.2).
//!
//! Magic, format, everything the index holds, and a checksum over all of it. Numbers are LEB128, columns have one width or are written as
//! differences. What can be derived is not stored. Layouts are private to their containers: each writes and reads its own
//! (`mp4/stored.rs`, `matroska/stored.rs`) with the [`Writer`] and the [`Reader`] here. Structs are taken apart without `..`, so that a
//! field that is added and not stored does not compile.

mod bytes;
mod track;

use sha2::{Digest, Sha256};

use super::{Attachment, Chapter, ContainerKind, Layout, MediaIndex, matroska, mp4};
use crate::model::{ByteRange, Codec, Language};
use crate::{Error, ErrorKind, Result};

pub(super) use self::bytes::{Reader, Writer};

/// Begins every stored index.
const MAGIC: [u8; 8] = *b"\x89PSindex";
/// How many bytes of SHA-256 end it.
const CHECKSUM_SIZE: usize = 16;

/// Version of the form and of what the readers see in a file. Raised whenever either changes: what was stored in another one is not
/// read, and the file is opened anew.
pub const STORED_FORMAT: u32 = 5;

impl MediaIndex {
    /// The index as bytes, for [`Self::from_stored`].
    #[must_use]
    pub fn to_stored(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(&MAGIC);
        writer.number(STORED_FORMAT.into());
        write(self, &mut writer);
        let mut bytes = writer.into_bytes();
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// Reads what [`Self::to_stored`] wrote.
    ///
    /// ```
    /// use prostream_core::{ErrorKind, container::MediaIndex};
    /// let error = MediaIndex::from_stored(b"no index").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Malformed);
    /// ```
    ///
    /// # Errors
    /// `Malformed` for anything else: another format, damage, counts that contradict each other. Then the file has to be read again.
    pub fn from_stored(stored: &[u8]) -> Result<Self> {
        let (body, expected) = stored.split_last_chunk::<CHECKSUM_SIZE>().ok_or_else(|| unreadable("too short"))?;
        let body = body.strip_prefix(&MAGIC).ok_or_else(|| unreadable("no index"))?;
        let mut reader = Reader::new(body);
        // Before the checksum: an older form may have had another.
        if reader.number()? != u64::from(STORED_FORMAT) {
            return Err(unreadable("another format"));
        }
        let checked = stored.get(..stored.len().saturating_sub(CHECKSUM_SIZE)).unwrap_or_default();
        if checksum(checked) != *expected {
            return Err(unreadable("damaged"));
        }
        let index = read(&mut reader)?;
        reader.finish()?;
        Ok(index)
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_SIZE] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}

fn unreadable(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read stored index").detail(detail)
}

fn write(index: &MediaIndex, writer: &mut Writer) {
    let MediaIndex { container, size_bytes, duration_ns, tracks, chapters, attachments, layout, is_completed } = index;
    writer.byte(match container {
        ContainerKind::Mp4 => 0,
        ContainerKind::Matroska => 1,
        ContainerKind::Webm => 2,
    });
    writer.number(*size_bytes);
    writer.number(*duration_ns);
    writer.list(tracks, track::write);
    writer.list(chapters, write_chapter);
    writer.list(attachments, write_attachment);
    writer.flag(*is_completed);
    match layout {
        Layout::Mp4(layout) => {
            writer.byte(0);
            mp4::write_layout(layout, writer);
        }
        Layout::Matroska(layout) => {
            writer.byte(1);
            matroska::write_layout(layout, writer);
        }
        Layout::Fragmented(layout) => {
            writer.byte(2);
            mp4::write_fragmented_layout(layout, writer);
        }
    }
}

fn read(reader: &mut Reader<'_>) -> Result<MediaIndex> {
    let container = match reader.byte()? {
        0 => ContainerKind::Mp4,
        1 => ContainerKind::Matroska,
        2 => ContainerKind::Webm,
        _ => return Err(unreadable("an unknown container")),
    };
    let size_bytes = reader.number()?;
    let duration_ns = reader.number()?;
    let tracks = reader.list(track::MIN_SIZE, track::read)?;
    let chapters = reader.list(4, read_chapter)?;
    let attachments = reader.list(4, read_attachment)?;
    let is_completed = reader.flag()?;
    let layout = match reader.byte()? {
        0 => Layout::Mp4(mp4::read_layout(reader, tracks.len())?),
        1 => Layout::Matroska(matroska::read_layout(reader, &tracks)?),
        2 => Layout::Fragmented(mp4::read_fragmented_layout(reader, tracks.len())?),
        _ => return Err(unreadable("an unknown layout")),
    };
    Ok(MediaIndex { container, size_bytes, duration_ns, tracks, chapters, attachments, layout, is_completed })
}

fn write_chapter(writer: &mut Writer, chapter: &Chapter) {
    let Chapter { start_ns, end_ns, title, language } = chapter;
    writer.number(*start_ns);
    writer.option(end_ns.as_ref(), |writer, end| writer.number(*end));
    writer.text(title);
    writer.option(language.as_ref(), |writer, language| writer.text(language.as_str()));
}

fn read_chapter(reader: &mut Reader<'_>) -> Result<Chapter> {
    Ok(Chapter {
        start_ns: reader.number()?,
        end_ns: reader.option(Reader::number)?,
        title: reader.text()?,
        language: reader.option(read_language)?,
    })
}

fn write_attachment(writer: &mut Writer, attachment: &Attachment) {
    let Attachment { name, media_type, range } = attachment;
    writer.text(name);
    writer.text(media_type);
    writer.range(*range);
}

fn read_attachment(reader: &mut Reader<'_>) -> Result<Attachment> {
    Ok(Attachment { name: reader.text()?, media_type: reader.text()?, range: reader.range()? })
}

fn read_language(reader: &mut Reader<'_>) -> Result<Language> {
    Language::parse(&reader.text()?).ok_or_else(|| unreadable("no language"))
}

impl Writer {
    /// How samples are coded.
    pub(super) fn codec(&mut self, codec: Codec) {
        self.byte(track::codec_number(codec));
    }

    /// A range of bytes of the file.
    pub(super) fn range(&mut self, range: ByteRange) {
        self.number(range.start);
        self.number(range.len());
    }
}

impl Reader<'_> {
    /// What [`Writer::codec`] wrote.
    pub(super) fn codec(&mut self) -> Result<Codec> {
        track::read_codec(self)
    }

    /// What [`Writer::range`] wrote.
    pub(super) fn range(&mut self) -> Result<ByteRange> {
        let (start, len) = (self.number()?, self.number()?);
        let end = start.checked_add(len).ok_or_else(|| unreadable("a range beyond all files"))?;
        Ok(ByteRange::new(start, end))
    }
}
